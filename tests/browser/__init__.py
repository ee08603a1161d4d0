"""Tests in a real JupyterLab and a real browser. A package, so that both end with its last test: while Playwright runs,
this thread has a running event loop, which later tests need not meet, and the memory is free again."""
