import pytest

from retriever.live.wiki import CONTACT, ContactError, WikiError, check_contact, contact, keep_contact, parse_wiki


@pytest.mark.parametrize(
    ("spec", "api", "name"),
    [
        ("wikipedia", "https://en.wikipedia.org/w/api.php", "English Wikipedia"),
        ("wikipedia:simple", "https://simple.wikipedia.org/w/api.php", "Simple English Wikipedia"),
        ("wikipedia:zh-min-nan", "https://zh-min-nan.wikipedia.org/w/api.php", "Wikipedia (zh-min-nan)"),
        ("mediawiki:https://wiki.example.org:8443/w/api.php", "https://wiki.example.org:8443/w/api.php", None),
        ("mediawiki:http://127.0.0.1:8080/api.php", "http://127.0.0.1:8080/api.php", "127.0.0.1:8080"),
        ("mediawiki:http://[::1]/api.php", "http://[::1]/api.php", None),
    ],
)
def test_what_names_a_wiki(spec, api, name):
    wiki = parse_wiki(spec)
    assert wiki.api == api and (name is None or wiki.name == name)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("wikipedia:klingon", "no language code"),
        ("wikipedia:../evil", "no language code"),
        ("wikipedia:en.evil.org/x?", "no language code"),
        ("mediawiki:http://example.org/w/api.php", "not https"),
        ("mediawiki:http://127.0.0.1.evil.org/api.php", "not https"),
        ("mediawiki:http://169.254.169.254/api.php", "not https"),
        ("mediawiki:ftp://example.org/api.php", "not https"),
        ("mediawiki:file:///etc/api.php", "no address"),
        ("mediawiki:https://example.org/", "no address"),
        ("mediawiki:https://example.org/api.php?action=x", "no address"),
        ("mediawiki:https://example.org:99999/api.php", "no address"),
        ("mediawiki:https://user:secret@example.org/api.php", "a name or a password"),
        ("mediawiki:", "no address"),
    ],
)
def test_what_names_none_is_one_line_without_secrets(spec, said):
    with pytest.raises(WikiError, match=said) as raised:
        parse_wiki(spec)
    assert "\n" not in str(raised.value) and "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "text", ["ada@example.org", "https://example.org/me", "User:Ada Lovelace", " ada@a.example \n"]
)
def test_a_contact_is_taken(text):
    assert check_contact(text) == text.strip()


@pytest.mark.parametrize("text", ["", "ada", "a@b", "ada@example.org\r\nX-Evil: 1", "me (at) example", "ä@example.org"])
def test_what_is_no_contact_is_refused_with_the_cure(text):
    with pytest.raises(ContactError, match=f"set {CONTACT} to an e-mail"):
        check_contact(text)


def test_a_contact_is_kept_and_the_variable_goes_before_it(monkeypatch):
    monkeypatch.delenv(CONTACT)
    with pytest.raises(ContactError, match="none is given"):
        contact()
    keep_contact("ada@example.org")
    assert contact() == "ada@example.org"
    monkeypatch.setenv(CONTACT, "https://example.org/other")
    assert contact() == "https://example.org/other"
