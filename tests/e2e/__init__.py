"""JupyterLab and Notebook in a real browser, with real kernels."""
