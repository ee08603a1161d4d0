FROM labs/shell:1
RUN --mount=type=cache,target=/c date
