-- Take messages whose moment has come; who dies over them leaves them due at $2.
-- Index: ix_outbox_due.
with taken as (
    update outbox
    set attempts = attempts + 1, due_at = $2
    from (select id from outbox where due_at <= $1 order by due_at limit $3 for update skip locked) as due
    where outbox.id = due.id
    returning outbox.*
)
select taken.id, taken.key, taken.title, taken.body, taken.attempts, taken.event, taken.created_at, taken.project_id,
       taken.approval_id, approvals.status as approval_status, approvals.due_at as approval_due_at,
       taken.channel_id, channels.name as channel, channels.secret, coalesce(channels.addresses, '{}') as addresses,
       taken.user_id, users.name as person, case when users.disabled_at is null then users.email end as email
from taken
left join approvals on approvals.id = taken.approval_id
left join channels on channels.id = taken.channel_id
left join users on users.id = taken.user_id
order by taken.created_at, taken.id
