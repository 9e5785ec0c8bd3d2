"""Pure. The composition root of the compiler: a Catalogue into its table, or every fault it has."""

from config.catalogue import Catalogue
from config.compilation import Compilation
from config.compile_credit import compile_credit_profiles, compile_sharing_policies
from config.compile_discounts import add_rating_taxes, compile_discounts
from config.compile_products import check_plans, compile_products, compile_taxes
from config.compile_rate_plans import compile_rate_plans
from config.compile_services import compile_event_types, compile_resources, compile_service_types
from config.compiled_catalogue import CompiledCatalogue
from config.event_room import add_room
from config.faults import ConfigError, Fault
from config.special_days import check_special_days

__all__ = ["CompiledCatalogue", "catalogue_faults", "compile_catalogue"]


def compile_catalogue(catalogue: Catalogue) -> CompiledCatalogue:
    """The compiled catalogue; raises ConfigError with every fault."""
    compiled, faults = _compiled(catalogue)
    if compiled is None:
        raise ConfigError(faults)
    return compiled


def catalogue_faults(catalogue: Catalogue) -> list[Fault]:
    """What compiling would find, also in a catalogue of which a part could not be read."""
    return _compiled(catalogue)[1]


def _compiled(catalogue: Catalogue) -> tuple[CompiledCatalogue | None, list[Fault]]:
    compilation = Compilation(catalogue)
    compile_resources(compilation)
    _check_site(compilation)
    service_types = compile_service_types(compilation)
    event_types, events = compile_event_types(compilation, service_types)
    plans = compile_rate_plans(compilation, events)
    products = compile_products(compilation, service_types, plans)
    discounts = compile_discounts(compilation)
    check_plans(compilation)
    compile_credit_profiles(compilation)
    compile_sharing_policies(compilation, service_types)
    tax_rates = compile_taxes(compilation)
    add_rating_taxes(compilation, tax_rates)
    check_special_days(compilation)
    add_room(compilation)
    for tag in catalogue.tags:
        compilation.name("tag", tag, compilation.place("tag", tag))
    if compilation.faults or catalogue.broken:
        return None, compilation.faults
    table = compilation.columns.table()
    ids = {
        kind: {code: number for number, code in codes.items()} for kind, codes in compilation.names.items()
    }
    compiled = CompiledCatalogue(
        version=catalogue.version,
        site=catalogue.site,
        table=table,
        event_types=event_types,
        resources=compilation.resources,
        products=products,
        discounts=discounts,
        tax_rates=tax_rates,
        names=compilation.names,
        items=compilation.items,
        resource_index={int(number): index for index, number in enumerate(table.resource_id)},
        service_type_index={ids["service_type"][code]: index for code, index in service_types.items()},
        plan_index={int(number): index for index, number in enumerate(table.plan_id)},
        policy_index={int(number): index for index, number in enumerate(table.policy_id)},
        band_codes=tuple(compilation.band_codes),
        special_codes=tuple(compilation.special_codes),
        rating_taxes=tuple(compilation.rating_taxes),
        discount_index={int(number): index for index, number in enumerate(table.discount_id)},
        catalogue=catalogue,
    )
    return compiled, []


def _check_site(compilation: Compilation) -> None:
    """The site's time zone and currency."""
    site, place = compilation.catalogue.site, compilation.place("site", "")
    if ("site", "") in compilation.catalogue.broken:
        return
    compilation.site_zone = compilation.zone(site.time_zone, place.at("time_zone"))
    if (
        place.refer("resource", site.currency, "currency")
        and not compilation.resources[site.currency].is_money
    ):
        place.at("currency").fault(
            f"{site.currency!r} is not monetary", "name a resource with monetary = true"
        )
