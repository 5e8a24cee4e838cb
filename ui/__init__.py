"""What the page is made of: layout and events (page), HTML (cards), the API (endpoints), settings, style.

Only app.py and this package know Gradio; cards.py and runs.py do not.
"""
