"""Language codes: translates an identifier's codes to those of mC4's 107 languages.

mC4 was split by CLD3, so it uses CLD3's codes. Four codes of langdetect differ. One language of langdetect, Croatian
(`hr`), has no split in mC4.
"""

# The code of pages whose language is not known (ISO 639: undetermined).
UNKNOWN_LANGUAGE = "und"

MC4_CODES: dict[str, str] = {
    "he": "iw",  # Hebrew, by the code that ISO 639 withdrew in 1989
    "tl": "fil",  # Tagalog, by the code of its standard form
    "zh-cn": "zh",  # Chinese, one code for both scripts
    "zh-tw": "zh",
}


def mc4_code(language: str) -> str:
    """mC4's code of a language that an identifier named.

    >>> [mc4_code(language) for language in ("he", "zh-cn", "en", "iw")]
    ['iw', 'zh', 'en', 'iw']
    """
    return MC4_CODES.get(language, language)
