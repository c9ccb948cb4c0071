"""What each person chose to hear of in the portal alone, without a mail."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from app.kernel import audit
from app.kernel.database import current, execute, fetch
from app.kernel.errors import InputInvalid, NotPermitted
from app.kernel.ids import new_id
from app.kernel.notifications.groups import NoticeGroup, group_named, groups_of


class GroupChoice(msgspec.Struct, frozen=True, kw_only=True):
    group: NoticeGroup
    by_mail: bool


async def own_choices() -> list[GroupChoice]:
    """Every group that can concern the current person, and whether it comes by mail as well."""
    person = current().actor
    silent = {
        row["group_key"]
        for row in await fetch(
            "SELECT group_key FROM notification_choice WHERE recipient_id = $1 AND NOT by_mail",
            person.id,
        )
    }
    return [
        GroupChoice(group=group, by_mail=group.is_binding or group.key not in silent)
        for group in groups_of(person.role)
    ]


async def choose_mail(*, by_mail: Collection[str]) -> None:
    """From now on these groups come by mail as well, and the current person's others do not.

    Binding ones come by mail whatever is chosen. Raises `InputInvalid` for a group that cannot
    concern this person, and changes nothing then.
    """
    unit = current()
    if unit.actor.id is None:
        raise NotPermitted("The portal itself is told nothing")
    groups = [group for group in groups_of(unit.actor.role) if not group.is_binding]
    known = {group.key for group in groups_of(unit.actor.role)}
    for key in by_mail:
        if key not in known:
            raise InputInvalid.of("by_mail", "UNKNOWN_GROUP", f"One of {', '.join(sorted(known))}")
    before = {choice.group.key: choice.by_mail for choice in await own_choices()}
    after = before | {group.key: group.key in by_mail for group in groups}
    if after == before:
        return
    await execute(
        "INSERT INTO notification_choice (tenant_id, id, recipient_id, group_key, by_mail,"
        " chosen_at) SELECT $1, c.id, $2, c.group_key, c.by_mail, $3"
        " FROM unnest($4::uuid[], $5::text[], $6::boolean[]) AS c (id, group_key, by_mail)"
        " ON CONFLICT (tenant_id, recipient_id, group_key)"
        " DO UPDATE SET by_mail = excluded.by_mail, chosen_at = excluded.chosen_at",
        unit.tenant,
        unit.actor.id,
        unit.now,
        [new_id() for _ in groups],
        [group.key for group in groups],
        [after[group.key] for group in groups],
    )
    await audit.record(
        action="notification.choose",
        subject_kind="membership",
        subject_id=unit.actor.id,
        before=before,
        after=after,
    )


async def wanting_mail(*, group: str, recipients: Sequence[UUID]) -> set[UUID]:
    """Those of `recipients` who get mail of this group."""
    if group_named(group).is_binding:
        return set(recipients)
    rows = await fetch(
        "SELECT recipient_id FROM notification_choice"
        " WHERE group_key = $1 AND recipient_id = ANY($2) AND NOT by_mail",
        group,
        list(recipients),
    )
    return set(recipients) - {row["recipient_id"] for row in rows}
