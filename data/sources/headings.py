"""Which sections of an article list where things come from, and which pages only tell apart what shares a name.

It knows names in some thirty languages, and what such lists look like in any.
"""

from __future__ import annotations

import re

from core.sentences import count_words

# Sections of sources, notes and links: references, external links, see also, notes, gallery.
_SOURCES = frozenset(
    name
    for line in """
references|external links|external link|see also|notes|further reading|citations|footnotes|works cited|gallery
notes and references|reflist|links|einzelnachweise|weblinks|siehe auch|anmerkungen|fußnoten|belege|nachweise
einzelbelege|galerie|références|liens externes|lien externe|voir aussi|notes et références|articles connexes|annexes
referencias|véase también|enlaces externos|notas|notas y referencias|galería|referências|ligações externas
ligação externa|ver também|veja também|notas e referências|galeria|leitura adicional|note|collegamenti esterni
voci correlate|altri progetti|riferimenti|annotazioni|galleria d'immagini|bronnen, noten en/of referenties
externe links|externe link|externe koppelingen|zie ook|noten|referenties|voetnoten|bronvermelding|przypisy
linki zewnętrzne|zobacz też|uwagi|примечания|ссылки|см. также|смотри также|сноски|комментарии|галерея|примітки
посилання|див. також|виноски|зноскі|спасылкі|глядзіце таксама|източници|външни препратки|вижте също|бележки
бележки и източници|reference|související články|externí odkazy|poznámky|viz též|odkazy|referencie|externé odkazy
pozri aj|poznámky a referencie|referenser|externa länkar|se även|noter|fotnoter|källförteckning|kilder|eksterne lenker
eksterne henvisninger|eksterne links|se også|fodnoter|referanser|referencer|lähteet|aiheesta muualla|katso myös
viitteet|jegyzetek|források|külső hivatkozások|lásd még|további információk|referințe|legături externe|vezi și
note și referințe|kaynakça|dış bağlantılar|ayrıca bakınız|notlar|dipnotlar|παραπομπές|εξωτερικοί σύνδεσμοι
δείτε επίσης|σημειώσεις|πηγές|referències|enllaços externs|vegeu també|notes i referències|izvori|vanjske poveznice
vanjske veze|također pogledajte|референце|спољашње везе|види још|напомене|bilješke|脚注|注釈|出典|外部リンク|関連項目
参考文献|関連文献|注釈・出典|註|注|ギャラリー|参考资料|參考資料|參考文獻|外部链接|外部連結|外部鏈接|参见|參見|参看
參看|注释|註釋|注解|註解|腳註|相关条目|相關條目|延伸阅读|延伸閱讀|参考来源|각주|외부 링크|같이 보기|참고 문헌
참고 자료|주해|내용주|مراجع|المراجع|وصلات خارجية|انظر أيضًا|انظر أيضا|طالع أيضًا|هوامش|منابع|پانویس|پیوند به بیرون
جستارهای وابسته|یادداشت‌ها|حوالہ جات|بیرونی روابط|הערות שוליים|קישורים חיצוניים|ראו גם|לקריאה נוספת|सन्दर्भ|संदर्भ
बाहरी कड़ियाँ|इन्हें भी देखें|টীকা|তথ্যসূত্র|বহিঃসংযোগ|আরও দেখুন|tham khảo|liên kết ngoài|xem thêm|chú thích|ghi chú
referensi|pranala luar|lihat pula|catatan|catatan kaki|rujukan|pautan luar|viited|välislingid|vaata ka|atsauces
ārējās saites|skatīt arī|šaltiniai|nuorodos|taip pat skaitykite|zunanje povezave|sklici|glej tudi
""".strip().splitlines()
    for name in line.split("|")
)
# These may as well be about books, springs or rivers: what is in them decides.
_PERHAPS = frozenset(
    "bibliography|sources|literature|bibliographies|select bibliography|selected bibliography|primary sources|"
    "secondary sources|literatur|quellen|bibliographie|bibliografie|littérature|sources et bibliographie|"
    "bibliografía|literatura|fuentes|bibliografia|fontes|letteratura|fonti|literatuur|bronnen|"
    "bronnen en referenties|źródła|литература|источники|література|джерела|библиография|библиографија|zdroje|"
    "literatúra|litteratur|källor|kirjallisuutta|kirjallisuus|irodalom|surse|βιβλιογραφία|文献|書籍|文獻|書目|书目|"
    "來源|来源".split("|")
)
_JOINTS = re.compile(
    r"\s*(?:[,/&+·・]|\b(?:and|und|et|y|e|en|og|och|i|a|ja|és|și|ve|и|і|та|và|dan|και)\b|及|与|與|和|と)\s*"
)
_CITATION = re.compile(
    r"\b(?:ISBN|ISSN|OCLC|PMID|doi)\b|\bp{1,2}\. ?\d|\bS\. \d|\bс\. ?\d|\b(?:ed|eds|vol|Hrsg|dir)\.|"
    r"\b(?:Press|Verlag|Éditions|Editora|Publishers?)\b.*\b\d{4}\b|\b\d{4}\b.*\b(?:Press|Verlag|Éditions|Editora)\b|"
    r"^[^\W\d_]+, (?:[^\W\d_]\.|[^\W\d_]+).{0,60}\(?\b(?:1[5-9]|20)\d\d\b"
)
_FEWEST_WORDS, _FEWEST_WORDS_TOLD = 5, 8
_YEAR = re.compile(r"\b(?:1[4-9]|20)\d\d\b")

_DISAMBIGUATION = re.compile(
    r"""\{\{\s*(?![^{}|]*\b(?:needed|link|inline)\b)(?:
    [^{}|]*disambig[^{}|]*|dab|(?:hn|geo|bio|math|number|road|call\ ?sign|mil-unit-|school|hospital|airport|latin|
    taxonomic)-?(?:dis|dab)[\w\ -]*|begriffsklärung[\w\ -]*|bks?|[^{}|]*homonymi[ea]s?|paronymie|toponymie|patronymie|
    internationalisation|desambig[\w\ ]*|desambiguaci[óo][\w\ ]*|disambigua|doorverwijspagina|dp|dpintro|
    ujednoznacznienie|неоднозначность[^{}|]*|многозначность?|пояснение|значення|неоднозначність|багатозначність|
    мнагазначнасць|доп\.?|rozcestník|rozlišovacia\ stránka|förgrening|gren|grensida|flertydige?|peker|pekerside|
    täsmennyssivu|egyért[\w-]*|dezambiguizare|anlam\ ayrımı|desambiguació|вишезначна\ одредница|
    višeznačna\ odrednica|razdvojba|αποσαφήνιση|aimai|[^{}|]*曖昧さ回避|消歧[义義][^{}|]*|동음이의[^{}|]*|توضيح|
    ابهام‌زدایی|פירושונים|बहुविकल्पी[^{}|]*|trang\ định\ hướng|định\ hướng|täpsustuslehekülg|nozīmju\ atdalīšana|
    daugiareikšmis|razločitev)\s*(?:\||\}\})|__DISAMBIG__""",
    re.IGNORECASE | re.VERBOSE,
)
_TITLES = re.compile(
    r"\((?:disambiguation|Begriffsklärung|homonymie|desambiguación|desambiguação|disambigua|doorverwijspagina|"
    r"ujednoznacznienie|значения|неоднозначность|значення|пояснение|rozcestník|olika betydelser|flertydig|"
    r"andre betydninger|täsmennyssivu|egyértelműsítő lap|dezambiguizare|anlam ayrımı|desambiguació|曖昧さ回避|消歧义|"
    r"消歧義|동음이의|توضيح)\)$"
)


def is_disambiguation(text: str, title: str = "") -> bool:
    """Whether a page only tells apart what shares a name.

    >>> is_disambiguation("Ada may refer to: … {{disambig|geo}}"), is_disambiguation("A {{convert|1|km}} road.")
    (True, False)
    """
    return _TITLES.search(title) is not None or _DISAMBIGUATION.search(text) is not None


def lists_sources(heading: str) -> bool:
    """Whether a section of this name lists sources or links, alone or with others: "External links and references".

    >>> lists_sources("Ligações externas"), lists_sources("External links and references"), lists_sources("Sources")
    (True, True, False)
    """
    return _all_in(heading, _SOURCES)


def may_list_sources(heading: str) -> bool:
    """Whether a section of this name may list sources, but may hold prose as well."""
    return _all_in(heading, _SOURCES | _PERHAPS)


def _all_in(heading: str, names: frozenset[str]) -> bool:
    name = heading.casefold().strip(" :.")
    return name in names or all(part in names for part in _JOINTS.split(name))


def is_citation(words: str) -> bool:
    """Whether a line of a list, or a paragraph among sources, is one of them.

    >>> is_citation("Smith, J. (2001). Tea. Oxford University Press."), is_citation("Tea is grown in many countries.")
    (True, False)
    """
    return _CITATION.search(words) is not None


def is_prose(words: str) -> bool:
    """Whether a paragraph of a section that may list sources tells something."""
    return count_words(words) >= _FEWEST_WORDS and not words.endswith(":") and not is_citation(words)


def is_told(words: str) -> bool:
    """Whether an item of a list among sources tells something: one sentence without a year, mostly of small letters.

    >>> is_told("The first source lies in a cave and gives cold water."), is_told("Jean Roe, Le Thé, Paris, Gallimard.")
    (True, False)
    """
    cased = [word for word in words.split() if word[0].isupper() or word[0].islower()]
    small = sum(word[0].islower() for word in cased)
    sentence = count_words(words) >= _FEWEST_WORDS_TOLD and words.endswith((".", "!", "?")) and ". " not in words
    return sentence and 2 * small > len(cased) and _YEAR.search(words) is None and not is_citation(words)
