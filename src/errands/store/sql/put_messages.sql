-- Write messages that are due at once; one with a key that is there already was written before.
-- Index: uq_outbox_key.
insert into outbox (id, project_id, event, channel_id, user_id, approval_id, alarm_id, key, title, body, created_at,
                    due_at)
select new.*, $11, $11
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[], $9::text[],
            $10::text[]) as new
on conflict (key) do nothing
