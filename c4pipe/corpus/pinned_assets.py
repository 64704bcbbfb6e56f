"""Where the assets come from: pinned addresses and the SHA-256 of each file, as the reference pins them."""

from dataclasses import dataclass

# Names of sentence models: pinned parameters to download, and parameters that come with this package.
PUNKT_TAB, BUNDLED = "punkt_tab", "bundled"
_NLTK_DATA = "https://raw.githubusercontent.com/nltk/nltk_data/4f15a3d89eefe9748ec1c05be495d91289197155"
_LDNOOBW = "https://raw.githubusercontent.com/LDNOOBW/List-of-Dirty-Naughty-Obscene-and-Otherwise-Bad-Words"
# C4 keeps the older English list (377 entries) so that the corpus stays the one that people know.
_LDNOOBW_ENGLISH_COMMIT = "25e679f03d96baa721cde20db9944649e8d0a844"
_LDNOOBW_COMMIT = "5faf2ba42d7b1c0977169ec3611df25a3c08eb13"
_GROVER = "https://raw.githubusercontent.com/rowanz/grover/38f7184bd87237ae2d3bc330b99f1e2e246f6d51"


@dataclass(frozen=True)
class PinnedFile:
    """A file of the assets folder. `member`: if `address` is that of an archive, the file's name in the archive.

    alternative: the end of the error message if it cannot be downloaded.
    """

    name: str
    address: str
    sha256: str
    member: str = ""
    alternative: str = ""


# One archive with the parameters for 19 languages.
PUNKT_ARCHIVE = PinnedFile(
    "punkt_tab/punkt_tab.zip",
    f"{_NLTK_DATA}/packages/tokenizers/punkt_tab.zip",
    "e57f64187974277726a3417ca6f181ec5403676c717672eef6a748a7b20e0106",
    alternative=", or use the parameters that come with c4pipe by --sentence_model=bundled",
)
PUNKT_LANGUAGES = (
    *("czech", "danish", "dutch", "english", "estonian", "finnish", "french", "german", "greek", "italian"),
    *("malayalam", "norwegian", "polish", "portuguese", "russian", "slovene", "spanish", "swedish", "turkish"),
)


def _punkt(name: str, sha256: str) -> PinnedFile:
    return PinnedFile(
        f"punkt_tab/english/{name}",
        f"{_NLTK_DATA}/packages/tokenizers/punkt_tab.zip",
        sha256,
        member=f"punkt_tab/english/{name}",
        alternative=", or use the parameters that come with c4pipe by --sentence_model=bundled",
    )


PUNKT = (
    _punkt("abbrev_types.txt", "92a3e070f43d9b4c5534758ca40ad7343b04e7e29bfe0c2eb658a39445a4f779"),
    _punkt("collocations.tab", "8e2da1225e4dd2cc9dba261ee231ccb134859e21b46006e7f472c5ee269af0cf"),
    _punkt("ortho_context.tab", "4bbcca25ed3d3f06c02402abf8419b9f033b8adc06e7b482eca4e45f81a5dc4c"),
    _punkt("sent_starters.txt", "f3f8535483e1dba487241b764945168123bca3209a9645e59acd1225dc76edac"),
)

REALNEWS = PinnedFile(
    "realnews/domain_to_allowed_subdomains.json",
    f"{_GROVER}/realnews/domain_to_allowed_subdomains.json",
    "75681899371acbf57b502ca8be48b3ca2d3339a276c396f3001b6a14da691ff3",
)

_BADWORDS_SHA256 = {
    "ar": "23dbd9c55257bf2a4965f46664dc7eac04b61ff4eb3571e41f7e964c7c3ed96b",
    "cs": "90706df86709bade1ca39cf9f9d9836409c674fc3bffcb7525bdd20e59b596bc",
    "da": "ddb46ab67e955d1a5f49c89c18497d23c3d8d6d2522f3740a5d7583f90e434c6",
    "de": "ebe44d7772897390e27f7bec412fdcdf0efc294e4db157f8487c4cd8d4fabd55",
    "en": "a506cbcf8a31935b122299f3bb1d32be6db3d0ad498765d28f365dfc4f4d7b8c",
    "eo": "0374d76be1dbc77c61362d6e51305e1e4c546b7f734eb96e0bdbad7fd2a6ace1",
    "es": "073334261cc2e7c08339faefd2f19f9623e8240a0ac18fe2a26c368b897496ce",
    "fa": "85828629b90fd18a3f6f6efb1934c1294103c33d1c28c0653970adfa179169e9",
    "fi": "3e0b35b2533ba22fb526d882bea250ddfad907ee7548aacbe15db17e21034c62",
    "fil": "fb4b43691b1249fee2eca1e66795daedda8e7366d42abcde6553dce611d23d99",
    "fr": "79763a705e08256b393952852bb63aa903f4485e0ef02f70735f5e50efff213c",
    "fr-CA-u-sd-caqc": "4a0ef5d55921c91df26676b214d3ac648deef11cfbc4587159ee9aab4085b09a",
    "hi": "83636e9b7a5260451e09e9e471f81dad9f082d107a82da77047e57d7856ed0cc",
    "hu": "a6943a971496f16e9a9d59ba6fde146d229699600e9636828d8d34ed9160aff5",
    "it": "d413f41018d58aa79d2c4809d0161f29ffd5652c4dc34c5b7b9ade680ee5599a",
    "ja": "f83c4d0843ea6474c17bf171edd72b616b3af403f8613f2cde1bd841faf6f316",
    "kab": "df7be2ce4a0c80ee717cd7134c90645a8a0f0c0c458a61f927934dbd50eac96d",
    "ko": "0dd4b74ffea6e3bb35d658e6d8262b53ee99281eaa48ecb515a2065bfcc7f69d",
    "nl": "8298ba0cdc3ca9a1989c349b8ad0148e4504c2804f2f2fb6c2f52bfb39c5ae71",
    "no": "e55b46bcec1ea288256924523a997d8d99e124c9aa3e61cbbbfaeca294f745b4",
    "pl": "98cf824e3692255645c5a72d5913f26fd4f20930f725683b4c96bb312ca5d9b3",
    "pt": "05ef524b0bb7f83f87257f6ec4dabf70e16b8bb6930f769fb93deaf608ff196d",
    "ru": "2598adabd2b761733d72a68d8ee4fcc1d2c38f2f85b6ff489985c6ce1d93bf75",
    "sv": "77f3f99a89bd3b2bde6a654741bacfcb3acca3f5c804af4d8d3fea11e09ea562",
    "th": "835036d87a3a67738e388cd6de92e3c995c186a1427b4e830fe7b85483c257e7",
    "tlh": "3c19004e338c0d91d19ba419185279145848b75b2327aa0e3a752c604ad9f59d",
    "tr": "6c7ae03baee0f3fdc22eed169030567669005dad9a1923e0b571c4bd4f2f2ab5",
    "zh": "a1d9aa037c8b039ef3b40148b3364ce2ca62ce4a955b7082a16ad99f6cbd1bc0",
}

BADWORDS = tuple(
    PinnedFile(
        f"badwords/{name}",
        f"{_LDNOOBW}/{_LDNOOBW_ENGLISH_COMMIT if name == 'en' else _LDNOOBW_COMMIT}/{name}",
        sha256,
        alternative=", give a list of your own by --badwords=FILE, or keep such pages by --variant=en.noblocklist",
    )
    for name, sha256 in _BADWORDS_SHA256.items()
)
