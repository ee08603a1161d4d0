"""What makers use: notebooks from sources, teaching notes, slides, coverage of the curriculum."""
