"""Every training command, over one loop (loop.py); nothing that runs imports this package.

python -m training.retriever | training.generator | training.selector | training.support
python -m training.embedded start | install
"""
