-- Take messages whose moment has come; who dies over them leaves them due at $2. Who is not set up to send mails ($4) or
-- to write links ($5) leaves those to others that are, until they have been due since $6.
-- Index: ix_outbox_due.
with taken as (
    update outbox
    set attempts = attempts + 1, due_at = $2
    from (
        select outbox.id from outbox left join channels on channels.id = outbox.channel_id
        where outbox.due_at <= $1
          and (outbox.due_at <= $6
               or (($4 or channels.secret is not null) and ($5 or outbox.event <> 'approval')))
        order by outbox.due_at limit $3
        for update of outbox skip locked
    ) as due
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
