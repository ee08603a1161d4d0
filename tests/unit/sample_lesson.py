"""A complete small lesson, for the tests of what reads lessons."""

from __future__ import annotations

from pathlib import Path

SAMPLE = """\
# %% [markdown]
# # Run a thing
#
# *You will do*: run a thing. *You will learn*: what runs. *You need*: nothing. About 5 minutes.

# %% tags=["parameters"]
NAME = "web"

# %%
from labs import open_lab

lab = open_lab("94", kubernetes=False)

# %% [markdown]
# ## A thing
#
# A thing is a thing.

# %%
# !echo {NAME}

# %%
# %%bash
# echo hello

# %% [markdown] tags=["exercise"] exercise="ex-94-1"
# ### Exercise 1: a thing
#
# Make `thing` hold 3. *Constraint*: none. *Done when* it does.

# %% [markdown] tags=["hint"] exercise="ex-94-1"
# It is a number.

# %% [markdown] tags=["hint"] exercise="ex-94-1"
# It is more than two.

# %% [markdown] tags=["hint"] exercise="ex-94-1"
# It is less than four.

# %% tags=["answer"] exercise="ex-94-1"
values = [1, 2]
### BEGIN SOLUTION
thing = sum(values)
### END SOLUTION
thing

# %% tags=["check"]
lab.check("ex-94-1")

# %% [markdown]
# ## Recap
#
# What runs.
#
# **In practice**: more things. **Next**: another thing.

# %% [markdown]
# ## Clean up

# %%
lab.cleanup()
"""


def write_lesson(root: Path, text: str = SAMPLE, name: str = "94_run_thing.py") -> Path:
    """Write a lesson source into a project folder, and return its path."""
    folder = root / "notebooks" / "src"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
