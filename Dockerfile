# syntax=docker/dockerfile:1
FROM labs/shell:1
RUN true
