-- Open questions that somebody may answer, as far as names tell, and has not answered yet; oldest first. ($3: asks for
-- everything.)
-- Index: ix_approvals_open.
select approvals.id
from unnest($1::uuid[], $2::text[]) as mine (project_id, names)
join approvals on approvals.project_id = mine.project_id
where approvals.status = 'open'
  and ($3
       or approvals.approvers = '{}'
       or approvals.approvers && string_to_array(mine.names, ' ')
       or (approvals.escalated_at is not null and approvals.escalate_to && string_to_array(mine.names, ' ')))
  and not exists (select 1 from approval_answers where approval_id = approvals.id and person = $4)
  and ($5::uuid is null or approvals.id > $5)
order by approvals.id
limit $6
