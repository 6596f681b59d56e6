"""The SQL of a batch: one statement that applies all of its operations or none.

It runs after the user's clock was locked, so what it finds stays as it is until the commit.
"""

from functools import cache

from sqlalchemy import text

from api.database.statement import CompiledStatement
from api.tasks import clock
from api.tasks.user_row import user_required

SQL = """
WITH operation AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:operations AS jsonb)) AS operation (
        n int, op text, id bigint, if_match timestamptz, names text[], idempotency_key text,
        title text, description text, completed boolean, completed_at timestamptz, priority text,
        due_date text, due_at timestamptz, tags text[], created_at timestamptz
    )
), earlier AS MATERIALIZED (
    SELECT request_hash, task_ids FROM task_batch
    WHERE user_id = :user_id AND idempotency_key = :idempotency_key
      AND created_at > now() - interval '30 days'
), found AS MATERIALIZED (
    SELECT operation.*, task.updated_at AS version, task.deleted_at
    FROM operation JOIN task ON task.user_id = :user_id AND task.id = operation.id
    WHERE task.deleted_at IS NULL
       OR task.deleted_at > now() - make_interval(days => :trash_days)
), refused AS MATERIALIZED (
    SELECT operation.n,
        CASE WHEN found.n IS NULL OR (found.deleted_at IS NULL) <> (operation.op <> 'restore')
             THEN 'task_not_found' ELSE 'version_mismatch' END AS code
    FROM operation LEFT JOIN found ON found.n = operation.n
    WHERE (operation.op <> 'create' AND found.n IS NULL)
       OR (operation.op = 'update' AND found.deleted_at IS NOT NULL)
       OR (operation.op = 'restore' AND found.deleted_at IS NULL)
       OR (found.deleted_at IS NULL AND operation.if_match <> found.version)
), change AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE operation.op IN ('create', 'restore'))
         - count(*) FILTER (WHERE operation.op = 'delete' AND found.deleted_at IS NULL) AS live,
        bool_or(operation.op <> 'delete' OR found.deleted_at IS NULL) AS applies,
        bool_or(operation.op = 'delete' AND found.deleted_at IS NULL) AS deletes
    FROM operation LEFT JOIN found ON found.n = operation.n
), accepted AS MATERIALIZED (
    SELECT change.* FROM change JOIN task_clock ON task_clock.user_id = :user_id
    WHERE NOT EXISTS (SELECT FROM earlier) AND NOT EXISTS (SELECT FROM refused)
      AND (:max_tasks = 0 OR change.live <= 0 OR task_clock.live + change.live <= :max_tasks)
), expired AS MATERIALIZED (
    SELECT task.id, task.updated_at FROM task, accepted
    WHERE accepted.deletes AND task.user_id = :user_id
      AND task.deleted_at <= now() - make_interval(days => :trash_days)
    LIMIT 1000
), moved AS (
    UPDATE task_clock SET
        at = greatest(now(), at + interval '1 microsecond'),
        live = task_clock.live + accepted.live,
        purged = greatest(purged, (SELECT max(updated_at) FROM expired),
            CASE WHEN accepted.deletes AND :trash_days = 0
                 THEN greatest(now(), at + interval '1 microsecond') END)
    FROM accepted WHERE user_id = :user_id AND accepted.applies
    RETURNING at
), made AS (
    INSERT INTO task (user_id, title, description, completed_at, priority, due_date, due_at, tags,
        created_at, updated_at, idempotency_key)
    SELECT :user_id, title, description, CASE WHEN completed THEN coalesce(completed_at, at) END,
        priority, due_date, due_at, tags, coalesce(created_at, at), at, idempotency_key
    FROM operation, moved WHERE op = 'create'
    RETURNING task
), changed AS (
    UPDATE task SET
        title = CASE WHEN 'title' = ANY (names) THEN found.title ELSE task.title END,
        description = CASE WHEN 'description' = ANY (names)
            THEN found.description ELSE task.description END,
        completed_at = CASE WHEN 'completed' = ANY (names)
            THEN CASE WHEN found.completed THEN coalesce(task.completed_at, at) END
            ELSE task.completed_at END,
        priority = CASE WHEN 'priority' = ANY (names) THEN found.priority ELSE task.priority END,
        due_date = CASE WHEN 'due_date' = ANY (names) THEN found.due_date ELSE task.due_date END,
        due_at = CASE WHEN 'due_date' = ANY (names) THEN found.due_at ELSE task.due_at END,
        tags = CASE WHEN 'tags' = ANY (names) THEN found.tags ELSE task.tags END,
        deleted_at = CASE op WHEN 'delete' THEN at END,
        updated_at = at
    FROM found, moved
    WHERE task.user_id = :user_id AND task.id = found.id
      AND (op <> 'delete' OR (found.deleted_at IS NULL AND :trash_days > 0))
    RETURNING found.n, task
), gone AS MATERIALIZED (
    SELECT id FROM expired
    UNION ALL
    SELECT found.id FROM found, accepted WHERE op = 'delete' AND :trash_days = 0
), erased AS (
    DELETE FROM task USING gone WHERE task.user_id = :user_id AND task.id = gone.id
), done AS MATERIALIZED (
    SELECT operation.n, made.task FROM made
    JOIN operation ON operation.idempotency_key = (made.task).idempotency_key
    UNION ALL
    SELECT n, task FROM changed
    UNION ALL
    SELECT found.n, task FROM found
    JOIN task ON task.user_id = :user_id AND task.id = found.id
    WHERE found.op = 'delete' AND found.deleted_at IS NOT NULL
), remembered AS (
    INSERT INTO task_batch (user_id, idempotency_key, request_hash, task_ids)
    SELECT :user_id, :idempotency_key, :request_hash,
        (SELECT array_agg(coalesce(operation.id, (done.task).id) ORDER BY operation.n)
         FROM operation LEFT JOIN done ON done.n = operation.n)
    FROM accepted WHERE CAST(:idempotency_key AS text) IS NOT NULL
    ON CONFLICT (user_id, idempotency_key) DO UPDATE SET
        request_hash = excluded.request_hash, task_ids = excluded.task_ids,
        created_at = excluded.created_at
), forgotten AS (
    DELETE FROM task_batch USING (
        SELECT idempotency_key FROM task_batch, accepted
        WHERE user_id = :user_id AND created_at <= now() - interval '30 days'
          AND idempotency_key <> :idempotency_key
        ORDER BY created_at LIMIT 1000
    ) AS old
    WHERE task_batch.user_id = :user_id AND task_batch.idempotency_key = old.idempotency_key
), answer AS (
    SELECT operation.n, done.task,
        coalesce(refused.code, CASE WHEN NOT EXISTS (SELECT FROM accepted)
            AND NOT EXISTS (SELECT FROM refused) THEN 'too_many_tasks' END) AS code
    FROM operation
    LEFT JOIN refused ON refused.n = operation.n LEFT JOIN done ON done.n = operation.n
    WHERE NOT EXISTS (SELECT FROM earlier)
    UNION ALL
    SELECT listed.n - 1, task, CASE WHEN earlier.request_hash = :request_hash
        THEN 'replayed' ELSE 'idempotency_mismatch' END
    FROM earlier CROSS JOIN unnest(earlier.task_ids) WITH ORDINALITY AS listed (id, n)
    LEFT JOIN task ON task.user_id = :user_id AND task.id = listed.id
        AND (task.deleted_at IS NULL
            OR task.deleted_at > now() - make_interval(days => :trash_days))
)
SELECT answer.n, answer.code, CASE WHEN (answer.task).id IS NOT NULL THEN (
    SELECT CAST(row_to_json(document) AS text) FROM (
        SELECT (answer.task).id, (answer.task).user_id, (answer.task).title,
            (answer.task).description, (answer.task).completed, (answer.task).completed_at,
            (answer.task).priority, (answer.task).due_date, (answer.task).tags,
            (answer.task).created_at, (answer.task).updated_at, (answer.task).deleted_at
    ) AS document) END
FROM answer
"""


@cache
def batch(*, creates: bool, creates_user: bool, has_key: bool) -> CompiledStatement:
    """Apply the operations, of which some create tasks; with a key a repetition does nothing.

    Columns: the operation's number, a code if it was not applied, and the JSON of its task. The
    code ``replayed`` says that an earlier batch with the same key and body was applied.
    """
    return CompiledStatement.of(
        "batch",
        text(SQL),
        writes=True,
        repeatable=has_key,
        to_problem=user_required if creates and creates_user else None,
        lock=clock.take_or_start(creates_user=creates_user) if creates else clock.take(),
    )
