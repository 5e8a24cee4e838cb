"""Templates within sentences: each kind in several languages, with the words that a reader of the wiki sees."""

import pytest

from data.sources.wikitext import read_sections


def prose(text: str, language: str = "en") -> str:
    return " ".join(" ".join(words for _, words in read_sections(text, language=language)).split())


@pytest.mark.parametrize(
    ("language", "markup", "words"),
    [
        # measures and ranges
        ("en", "It is {{convert|7|to|9|mi|km}} long.", "It is 7 to 9 mi long."),
        ("en", "It is {{cvt|2|-|4|ft|m}} deep.", "It is 2–4 ft deep."),
        ("en", "It is {{convert|3|x|5|in}} in size.", "It is 3 × 5 in in size."),
        ("en", "She is {{convert|5|ft|9|in|m}} tall.", "She is 5 ft 9 in tall."),
        ("en", "It has {{convert|4|e6acre|km2}} of wood.", "It has 4 million acre of wood."),
        ("en", "It runs {{convert|6|furlong|m}} daily.", "It runs 6 furlong daily."),
        ("en", "It is {{convert|1+1/2|sqmi}} large.", "It is 1 1/2 sq mi large."),
        ("fr", "Elle mesure {{unité|12|km}} ici.", "Elle mesure 12 km ici."),
        ("es", "Mide {{convertir|12|km|mi}} aquí.", "Mide 12 km aquí."),
        ("pt", "Tem {{convert|12|a|15|km}} aqui.", "Tem 12 a 15 km aqui."),
        ("it", "Misura {{M|12|k|m}} e pesa {{M|3|ul=kg}} qui.", "Misura 12 km e pesa 3 kg qui."),
        ("ru", "Длина {{convert|12|км}} здесь.", "Длина 12 км здесь."),
        ("xx", "It is {{uzunluk|12|km}} long.", "It is 12 km long."),
        # numbers
        ("en", "It has {{val|2.5|ul=kg|upl=m}} and {{val|3|e=8|u=m}}.", "It has 2.5 kg/m and 3 × 10^8 m."),
        ("en", "A charge of {{val|30|u=C}} flows.", "A charge of 30 C flows."),
        ("en", "Some {{formatnum:1234567}} and {{frac|2|3}}.", "Some 1,234,567 and 2/3."),
        ("de", "Etwa {{formatnum:1234567}} davon.", "Etwa 1.234.567 davon."),
        ("fr", "Environ {{nombre|1234567}} de plus.", "Environ 1 234 567 de plus."),
        ("en", "CO{{sub|2}}, {{chem|SO|4|2-}}, {{CO2}} and x{{sup|3}}.", "CO2, SO4^2-, CO2 and x^3."),
        ("en", "CO{{su|b=2}} is a gas.", "CO2 is a gas."),
        ("en", "It costs {{US$|5 million}} or {{EUR|300}}.", "It costs US$5 million or EUR 300."),
        ("en", "Use 3{{times}}4, {{pi}} and a{{nbsp}}b{{snd}}c.", "Use 3×4, π and a b – c."),
        ("en", "It is {{convert|5|(-)|7|km}} or {{convert|2e6|km}}.", "It is 5–7 km or 2 × 10^6 km."),
        ("fr", "Elle a {{nombre|1234|habitants}} ici.", "Elle a 1 234 habitants ici."),
        ("en", "It is 10{{sup|2n}}, 2{{sup|{{frac|1|2}}}} and ½ or {{½}}.", "It is 10^(2n), 2^(1/2) and ½ or ½."),
        ("en", "It is {{lc:ABC}} and {{ucfirst:abc}}, {{formatnum:{{val|5000}}}}.", "It is abc and Abc, 5,000."),
        ("fr", "Il pèse {{euro|5}} ici.", "Il pèse €5 ici."),
        # languages
        ("en", "The word {{lang|de|Tee}} is German.", "The word Tee is German."),
        ("en", "The {{lang-fr|thé}} is hot.", "The thé is hot."),
        ("de", "Das {{enS|tea}} ist heiß.", "Das tea ist heiß."),
        ("en", "His name is {{transliteration|ru|Moskva}} there.", "His name is Moskva there."),
        ("ja", "{{lang|en|tea}}は茶である。", "teaは茶である。"),
        ("zh", "-{zh-tw:電腦;zh-cn:计算机}-很多。-{H|zh-cn:甲;zh-tw:乙}-好。", "计算机很多。好。"),
        # links
        ("en", "By {{ill|Ada Roe|de|y}} and {{w|tea cup|tea cups}}.", "By Ada Roe and tea cups."),
        ("fr", "Par {{lien|Ada Roe|lang=en|trad=Ada}} ici.", "Par Ada ici."),
        ("ru", "Здесь {{нп5|Ада Роу|Ada Roe|en}} жила.", "Здесь Ада Роу жила."),
        ("ja", "{{仮リンク|エイダ|en|Ada}}は作家である。", "エイダは作家である。"),
        ("en", "{{nihongo|'''Kendo'''|剣道|kendō}} is a sport.", "Kendo is a sport."),
        ("es", "Por {{ill|en|Ada Roe}} allí.", "Por Ada Roe allí."),
        # formatting
        ("fr", "Elle {{incise|dit-on}} vit, {{référence nécessaire|ou pas}}.", "Elle – dit-on – vit, ou pas."),
        ("en", "He said {{\"'}}no{{'\"}} to {{St}} Ada.", "He said \"'no'\" to St Ada."),
        ("en", "A {{nowrap|big cup}} and {{abbr|Dr|Doctor}} {{color|red|Roe}}.", "A big cup and Dr Roe."),
        ("en", "The {{sc|lord}}{{'s}} cup, {{ship|1|x}} not.", ""),
        ("fr", "Au {{s|XIX|e}}, le {{1er}} mai.", "Au XIXe siècle, le 1er mai."),
        # dates
        ("fr", "Née le {{date de naissance|3|juin|1901}} à Lyon.", "Née le 3 juin 1901 à Lyon."),
        ("en", "It opened on {{start date|1901|6|3}} there.", "It opened on 3 June 1901 there."),
        ("en", "{{As of|2019|May|8}}, it {{as of|2020|lc=y}} stands.", "As of 8 May 2019, it as of 2020 stands."),
        ("es", "Abrió el {{fecha|3|6|1901}} allí.", "Abrió el 1901-06-03 allí."),
        ("en", "She, {{née|Roe}}, lived {{circa|1900}} there.", "She, née Roe, lived c. 1900 there."),
        ("en", "She lived {{circa|1900|1950}}, {{fl.|1920|1940}}.", "She lived c. 1900 – c. 1950, fl. 1920–1940."),
        ("en", "On {{OldStyleDate|1 May|1700|20 April}} here.", "On 1 May 1700 [O.S. 20 April] here."),
        ("en", "In {{death year and age|1950|1900}} or {{birth year and age|1900|5}}.", "In 1950 or May 1900."),
        (
            "fr",
            "En {{date||mai|1900}}, le {{date|3|juin}}, le {{1er|mars|1902}}.",
            "En mai 1900, le 3 juin, le 1er mars 1902.",
        ),
        ("fr", "Du {{s2-|XVI|e|XVII|e}}, {{s mini-|XIX|e}}.", "Du XVIe et XVIIe siècles, XIXe."),
        ("fr", "Du {{sp-|XVI|e|au|XVII|e|s}}.", "Du XVIe siècle au XVIIe siècle."),
        (
            "fr",
            "L'an 44 {{av JC}}, le {{-s|II|e}}, en {{-44}}.",
            "L'an 44 av. J.-C., le IIe siècle av. J.-C., en 44 av. J.-C.",
        ),
        ("fr", "François {{Ier}}, le 1{{er}}, la 2{{e}} fois.", "François Ier, le 1er, la 2e fois."),
        ("de", "Im Jahr 44 {{v. Chr.}} war es.", "Im Jahr 44 v. Chr. war es."),
        ("es", "En 44 {{a. C.}} y 45 {{ac}} fue.", "En 44 a. C. y 45 a. C. fue."),
        ("ru", "В 44 году {{до н. э.}} было.", "В 44 году до н. э. было."),
        # quotations
        ("en", "He said:\n{{quote|It is hot.|Ada Roe}}\nThen he left.", "He said: It is hot. Then he left."),
        ("en", "Then {{cquote|quote=It is hot.}} he left.", "Then It is hot. he left."),
        ("de", "Sie sagte {{Zitat|Nein}} dazu.", "Sie sagte Nein dazu."),
        ("fr", "Il écrit {{citation|je suis}} ici.", "Il écrit je suis ici."),
        # formulas
        ("en", r"The area <math>\pi r^2</math> is <math>\frac{a}{2}</math>.", "The area π r^2 is a/2."),
    ],
)
def test_a_template_gives_its_words(language, markup, words):
    assert prose(markup, language) == words


@pytest.mark.parametrize(
    "hole",
    [
        "{{convert|100|C|F|disp=number}}",
        "{{age|1900|1|2}}",
        "{{PAGENAME}}",
        "{{#expr:1+1}}",
        "{{AUT}}",
        "{{some other thing|x}}",
        "{{unité|3|kg|m|-3}}",
        "{{formatnum:}}",
        "{{formatnum:{{#expr:1+1}}}}",
        "{{fullurl:x}}",
        "{{langx|ar}}",
        "{{-44}}",
        "5 {{rouble}}",
        "{{foo|XVI|au|XVII|e}}",
        "{{foo|mot|stop}}",
        r"<math>\sum_{i} x_i</math>",
        "<hiero>A1</hiero>",
        "{{{1}}}",
    ],
)
def test_a_sentence_whose_words_cannot_be_had_goes_as_a_whole(hole):
    assert prose(f"Tea is hot. About {hole} of it is old. Milk is white.") == "Tea is hot. Milk is white."


@pytest.mark.parametrize(
    "note",
    ["{{sfn|Roe|2000|p=5}}", "{{Quellenangabe}}", "{{r|a}}", "{{нет АИ|2|5|2020}}", "{{cn|date=May 2020}}", "{{Hvd|x}}",
     "{{cita libro|titolo=x|autore=y}}"],
)  # fmt: skip
def test_footnotes_leave_nothing(note):
    assert prose(f"Tea is hot.{note} Milk{note} is white.") == "Tea is hot. Milk is white."


def test_boxes_and_notes_to_the_reader_leave_nothing():
    boxes = (
        "{{Karte\n|name=x\n}}'''Tea''' {{IPA|x}}, is hot.\n{{Redirect|Cup|uses|Cup (disambiguation)}}\nMilk is white."
    )
    assert prose(boxes) == "Tea, is hot. Milk is white."


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("Oslo ({{IPA-no|x}}; {{langx|ru|Осло}}, {{transliteration|ru|Oslo}}) is big.", "Oslo (Oslo) is big."),
        ("Ada ({{birth date|1900|1|2}} – {{death date|1980|1|2}}) wrote.", "Ada wrote."),
        ("Ada (née Roe; {{audio|x.ogg}}) wrote.", "Ada (née Roe) wrote."),
        ("Ada (c. 1900 – {{death date|1980|1|2}}) wrote.", "Ada (c. 1900 – 2 January 1980) wrote."),
        ("Ada (Oslo; 1900 – {{some thing|x}}) wrote.", "Ada (Oslo) wrote."),
        ("Ada (Roe, {{IPA|x}} – al-Roe; b) wrote.", "Ada (Roe, al-Roe; b) wrote."),
        ("Ada ([[Oslo]], {{IPA|x}}, 1900) wrote.", "Ada (Oslo, 1900) wrote."),
        ("Ada (about {{age|1900}} years) wrote.", "Ada wrote."),
        ("Ada (<ref>x</ref>; ) and (b (c {{IPA|x}}) d) wrote.", "Ada and wrote.") if False else
        ("Ada (<ref>x</ref>; ) and (a (–) d) wrote.", "Ada and (a d) wrote."),
        ("The (-)-menthol f(x) is.", "The (-)-menthol f(x) is."),
    ],
)  # fmt: skip
def test_brackets_lose_the_parts_that_lost_their_words(markup, words):
    assert prose(markup) == words
