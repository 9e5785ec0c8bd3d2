"""Pure. Resources, service types and event types: what the rest of the catalogue refers to."""

from typing import NamedTuple

from config.catalogue import EventField, EventType, Resource
from config.compilation import Compilation, Place
from config.compile_tiers import Quantities
from config.compiled_catalogue import EventTypeInfo, FieldInfo, ResourceInfo
from config.exact_amounts import MONEY_DECIMALS, positive, whole
from rating_kernels import tariff_table
from rating_kernels.group_image import QUANTITY_MAX
from rating_kernels.tariff_table import BITS_MAX, FIELDS_MAX

DECIMALS_MAX = 12

CONSUMPTION_ORDERS = {
    name: getattr(tariff_table, name)
    for name in [
        "EST",
        "LST",
        "EET",
        "LET",
        "ESTLET",
        "ESTEET",
        "LSTEET",
        "LSTLET",
        "EETEST",
        "EETLST",
        "LETEST",
        "LETLST",
    ]
}
# Units that are time, so that an event can be split where a band begins.
UNITS_US = {"ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}
ROUNDING_MODES = {
    "half_up": tariff_table.HALF_UP,
    "half_even": tariff_table.HALF_EVEN,
    "up": tariff_table.UP,
    "down": tariff_table.DOWN,
    "floor": tariff_table.FLOOR,
}


class ServiceEvents(NamedTuple):
    """What rate plans of a service type can go by: its events' quantities, and the fields rules can test."""

    quantities: Quantities
    fields: dict[str, FieldInfo]


def compile_resources(compilation: Compilation) -> None:
    """Fill `compilation.resources` and their columns."""
    for index, resource in enumerate(compilation.catalogue.resources.values()):
        place = compilation.place("resource", resource.code)
        number = compilation.name("resource", resource.code, place)
        info = ResourceInfo(
            code=resource.code,
            id=number,
            index=index,
            is_money=resource.monetary,
            decimals=resource.decimals,
            stored_decimals=_stored_decimals(resource, place),
            unit=resource.unit or resource.code,
        )
        compilation.resources[resource.code] = info
        compilation.columns.add(
            resource_id=number,
            resource_order=CONSUMPTION_ORDERS[resource.consumption_order],
            resource_rounding=ROUNDING_MODES[resource.rounding],
            resource_step=1,
        )
    _check_count(compilation, "resource")


def compile_service_types(compilation: Compilation) -> dict[str, int]:
    """Index of each service type."""
    for service in compilation.catalogue.service_types.values():
        compilation.name("service_type", service.code, compilation.place("service_type", service.code))
    _check_count(compilation, "service_type")
    return {code: index for index, code in enumerate(compilation.catalogue.service_types)}


def compile_event_types(
    compilation: Compilation, service_types: dict[str, int]
) -> tuple[dict[str, EventTypeInfo], dict[str, ServiceEvents]]:
    """Event types by code, and what each service type's rate plans can go by."""
    events: dict[str, ServiceEvents] = {}
    infos: dict[str, EventTypeInfo] = {}
    for index, event in enumerate(compilation.catalogue.event_types.values()):
        place = compilation.place("event_type", event.code)
        place.refer("service_type", event.service_type)
        quantities = Quantities(event.quantity_decimals, _quantity_max(event, place), _unit_us(event))
        known = events.get(event.service_type, ServiceEvents(quantities, {}))
        if known.quantities.decimals != quantities.decimals:
            message = f"differs from the other event types of {event.service_type!r}"
            place.at("quantity_decimals").fault(message, "count all events of a service type alike")
        maximum = max(known.quantities.maximum, quantities.maximum)
        fields = dict(known.fields)
        infos[event.code] = EventTypeInfo(
            code=event.code,
            index=index,
            service_type=event.service_type,
            service_type_index=service_types.get(event.service_type, 0),
            quantity_unit=event.unit,
            quantity_decimals=event.quantity_decimals,
            quantity_max=quantities.maximum,
            fields=tuple(_field_info(field, fields, place) for field in event.field),
        )
        if len({field.name for field in event.field}) < len(event.field):
            place.at("field").fault("names a field twice", "keep one of them")
        if len(fields) > FIELDS_MAX:
            message = (
                f"service type {event.service_type!r} has {len(fields)} rating fields, at most {FIELDS_MAX}"
            )
            place.at("field").fault(message, "set rating = false for those that no rule tests")
        unit_us = quantities.unit_us if quantities.unit_us == known.quantities.unit_us else 0
        events[event.service_type] = ServiceEvents(Quantities(quantities.decimals, maximum, unit_us), fields)
        compilation.columns.add(
            event_type_service_type=infos[event.code].service_type_index,
            event_type_quantity_max=quantities.maximum,
        )
    return infos, events


def _field_info(field: EventField, fields: dict[str, FieldInfo], place: Place) -> FieldInfo:
    """A field; a rating field has one slot for all event types of its service type."""
    if not field.rating:
        return FieldInfo(field.name, field.kind, field.mandatory, -1)
    shared = fields.setdefault(field.name, FieldInfo(field.name, field.kind, field.mandatory, len(fields)))
    if shared.kind != field.kind:
        message = f"{field.name!r} is a {shared.kind} in another event type of the service type"
        place.at("field").fault(message, "give it one kind, or another name")
    return FieldInfo(field.name, field.kind, field.mandatory, shared.slot)


def _quantity_max(event: EventType, place: Place) -> int:
    if not 0 <= event.quantity_decimals <= DECIMALS_MAX:
        place.at("quantity_decimals").fault("is out of bounds", f"write 0 to {DECIMALS_MAX}")
        return 1
    there = place.at("quantity_max")
    maximum = whole(positive(event.quantity_max, there), event.quantity_decimals, there)
    assert maximum <= QUANTITY_MAX
    return maximum


def _unit_us(event: EventType) -> int:
    """Microseconds of an event's smallest unit; 0 where it is no time, or no whole number of them."""
    unit_us = UNITS_US.get(event.unit, 0)
    smallest = 10 ** max(event.quantity_decimals, 0)
    return 0 if unit_us % smallest else unit_us // smallest


def _stored_decimals(resource: Resource, place: Place) -> int:
    most = MONEY_DECIMALS if resource.monetary else DECIMALS_MAX
    if not 0 <= resource.decimals <= most:
        place.at("decimals").fault(f"{resource.decimals} is out of bounds", f"write 0 to {most}")
        return most
    return MONEY_DECIMALS if resource.monetary else resource.decimals


def _check_count(compilation: Compilation, table: str) -> None:
    count = len(compilation.names.get(table, {}))
    if count > BITS_MAX:
        place = compilation.place(table, "")
        place.fault(f"{count} are too many, at most {BITS_MAX}", "remove those that are not used")
