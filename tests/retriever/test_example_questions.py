from benchmarks.zim_files import HtmlPage, page_html, write_zim
from retriever.articles import ArticleCorpus
from retriever.cache import Cache
from retriever.example_questions import example_questions
from retriever.zim import ZimLibrary


def test_an_index_gives_questions_about_what_it_holds(tiny_retriever):
    questions = example_questions(tiny_retriever, 4)
    titles = {passage.title for passage in tiny_retriever.index.passages}
    assert len(questions) == 4 and all(any(title in question for title in titles) for question in questions)
    assert questions == example_questions(tiny_retriever, 4) != example_questions(tiny_retriever, 4, seed=1)


def test_a_zim_file_gives_questions_and_an_empty_answer_is_none(tiny_encoder, tmp_path):
    pages = [HtmlPage("Tide", "Tide", page_html("Tide", "<p>Tide is the rise of the sea.</p>"))]
    library = ZimLibrary("zim:x", write_zim(tmp_path / "one.zim", pages))
    corpus = ArticleCorpus(tiny_encoder, library, Cache(tmp_path / "c.sqlite"))
    assert example_questions(corpus) == ["What is Tide?"]
