from data.sources.extract import formulas_as_words, read_extract

TEXT = """Light has a speed of
  
    
      
        c
        =
        2
      
    
    {\\displaystyle c=2x_{0}}
  
 metres in a vacuum. It is fast.
Caption of a picture

== History ==
Rømer measured it
A list of things that were long enough to be kept
Short item


=== Rømer ===
He saw Io.
=== Rømer ===
Again he saw it.


== See also ==
Speed of sound in air and in water.


=== More ===
A thing that is under a list of links.
"""


def test_sections_paths_anchors_and_formulas_as_words():
    found = [(section.title, section.text, section.url) for section in read_extract(TEXT, "u")]
    assert found == [
        ("", "Light has a speed of c=2x_0 metres in a vacuum. It is fast.", "u"),
        ("History", "A list of things that were long enough to be kept.", "u#History"),
        ("History & Rømer", "He saw Io.", "u#R%C3%B8mer"),
        ("History & Rømer", "Again he saw it.", "u#R%C3%B8mer_2"),
    ]


def test_formulas_in_a_row_and_ones_that_never_close():
    formula = "\n  \n    x\n    {\\displaystyle x^{2}}\n  \n"
    assert formulas_as_words(f"a{formula} and{formula} b.").split() == ["a", "x^2", "and", "x^2", "b."]
    assert formulas_as_words("a {\\displaystyle x").startswith("a ")
    assert formulas_as_words("No {braces} here.\n  Indented.") == "No {braces} here.\n  Indented."


def test_a_sentence_whose_formula_has_no_words_is_left_out():
    text = "It holds that {\\displaystyle {\\begin{matrix}a&b\\end{matrix}}} is so. The rest stays."
    assert [section.text for section in read_extract(text, "u")] == ["The rest stays."]


def test_nothing_is_no_section():
    assert read_extract("", "u") == [] and read_extract("== Empty ==\n\n", "u") == []
