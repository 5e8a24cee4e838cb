from data.sources.extract import read_extract, without_formulas

TEXT = """Light has a speed of
  
    
      
        c
        =
        2
      
    
    {\\displaystyle c=2\\{x\\}_{0}}
  
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


def test_sections_paths_anchors_and_no_formulas():
    found = [(section.title, section.text, section.url) for section in read_extract(TEXT, "u")]
    assert found == [
        ("", "Light has a speed of metres in a vacuum. It is fast.", "u"),
        ("History", "A list of things that were long enough to be kept.", "u#History"),
        ("History & Rømer", "He saw Io.", "u#R%C3%B8mer"),
        ("History & Rømer", "Again he saw it.", "u#R%C3%B8mer_2"),
    ]


def test_formulas_in_a_row_and_ones_that_never_close():
    formula = "\n  \n    x\n    {\\displaystyle x^{2}}\n  \n"
    assert without_formulas(f"a{formula} and{formula} b.").split() == ["a", "and", "b."]
    assert without_formulas("a {\\displaystyle x").strip() == "a"
    assert without_formulas("No {braces} here.\n  Indented.") == "No {braces} here.\n  Indented."


def test_nothing_is_no_section():
    assert read_extract("", "u") == [] and read_extract("== Empty ==\n\n", "u") == []
