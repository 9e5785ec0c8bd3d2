"""Pure. The sample operator with another tax on its calls, and with discounts in its bundles."""

from msgspec.structs import replace

from config.catalogue import Discount, Tag, Tax, TaxRate
from config.compile_catalogue import compile_catalogue
from config.compiled_catalogue import CompiledCatalogue
from tests.rating_kernels.sample_world import SAMPLE

TWENTY = (TaxRate(percent="20", valid_from="2016-01-01"),)


def taxed_catalogue(*discounts: Discount, calls_tax: str = "vat", rates=TWENTY) -> CompiledCatalogue:
    """Calls bear the tag `voice` and `calls_tax` (`vat_at_once`: charged with the events); fees the tag `fee`."""
    plain = SAMPLE.catalogue
    voice = plain.rate_plans["voice_standard"]
    versions = tuple(
        replace(
            version,
            detail=tuple(replace(detail, tax=calls_tax, charge_tag="voice") for detail in version.detail),
        )
        for version in voice.version
    )
    fees = {code: replace(one, charge_tag="fee") if one.fee else one for code, one in plain.products.items()}
    usage = replace(plain.bundles["usage"], discounts=tuple(one.code for one in discounts))
    at_once = Tax("vat_at_once", "Value added tax", rates, at="rating")
    reduced = Tax("reduced", "Reduced tax", (TaxRate(percent="10", valid_from="2016-01-01"),))
    return compile_catalogue(
        replace(
            plain,
            rate_plans={**plain.rate_plans, "voice_standard": replace(voice, version=versions)},
            products=fees,
            bundles={**plain.bundles, "usage": usage},
            discounts={one.code: one for one in discounts},
            taxes={**plain.taxes, "vat_at_once": at_once, "reduced": reduced},
            tags={**plain.tags, "fee": Tag("fee", "Fees"), "voice": Tag("voice", "Calls")},
        )
    )
