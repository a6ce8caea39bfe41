-- Open questions of which people are to be told now, for one server. Index: ix_approvals_notice.
select approvals.id, approvals.run_id, approvals.project_id, approvals.path, approvals.question, approvals.choices,
       approvals.approvers, approvals.excluded, approvals.quorum, approvals.remind_seconds, approvals.escalate_seconds,
       approvals.escalate_to, approvals.created_at, approvals.due_at, approvals.asked_at, approvals.reminded_at,
       approvals.escalated_at, approvals.overdue_at, runs.task_id, tasks.name as task, projects.name as project,
       coalesce(task_access.runners, '{}') as runners, coalesce(task_access.answerers, '{}') as answerers,
       task_watches.rules,
       array(select person from approval_answers where approval_id = approvals.id) as answered
from approvals
join runs on runs.id = approvals.run_id
join tasks on tasks.id = runs.task_id
join projects on projects.id = approvals.project_id
left join task_access on task_access.task_id = runs.task_id
left join task_watches on task_watches.task_id = runs.task_id
where approvals.status = 'open' and approvals.notice_at <= $1
order by approvals.notice_at
limit $2
for update of approvals skip locked
