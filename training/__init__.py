"""What every training command shares: exact resumption, the record of a run and its picture, small adapters.

This package is given modules, optimisers and numbers. It knows nothing of questions, passages or answers.
"""
