"""What every part shares and what knows no part: errors, files, records, settings, words.

Nothing here imports another package of the project.
"""
