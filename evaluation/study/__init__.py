"""Studies: people, or language models, judge the answers of two or more systems blind; and what they found."""
