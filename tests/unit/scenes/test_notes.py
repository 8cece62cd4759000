from ssr.scenes.notes import Note, in_words


def test_the_same_remark_on_many_dates_is_said_once():
    notes = [
        Note("a", "is hazy", "at 3"),
        Note("b", "is far"),
        Note("c", "is hazy", "at 9"),
        Note("a", "is hazy", "at 3"),
    ]
    assert in_words([*notes, Note("", "all is well")]) == ("a (at 3) and 1 more: is hazy", "b: is far", "all is well")
    assert in_words([]) == ()
