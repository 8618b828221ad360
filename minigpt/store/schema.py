"""The tables of the store, and how an older file becomes a newer one."""

# Each entry brings the file from one `PRAGMA user_version` to the next; old entries never change.
MIGRATIONS = (
    """
    CREATE TABLE texts (
        id TEXT PRIMARY KEY,              -- SHA-256 of the UTF-8 bytes: the same text is kept once
        body TEXT NOT NULL,
        characters INTEGER NOT NULL
    );
    CREATE TABLE shelves (                -- which workspace sees which text, under which name
        workspace TEXT NOT NULL,
        text_id TEXT NOT NULL REFERENCES texts(id),
        name TEXT NOT NULL,
        created_at REAL NOT NULL,
        PRIMARY KEY (workspace, text_id)
    );
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,              -- 128 random bits
        workspace TEXT NOT NULL,
        name TEXT NOT NULL,
        text_id TEXT REFERENCES texts(id),
        tokenizer TEXT NOT NULL,
        model TEXT NOT NULL,
        train TEXT NOT NULL,
        state TEXT NOT NULL,
        wish TEXT NOT NULL,
        step INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        created_at REAL NOT NULL
    );
    CREATE INDEX runs_by_workspace ON runs(workspace, created_at);
    CREATE TABLE metrics (
        run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        train_loss REAL NOT NULL,
        val_loss REAL,
        lr REAL NOT NULL,
        grad_norm REAL NOT NULL,
        seconds REAL NOT NULL,
        PRIMARY KEY (run_id, step)
    ) WITHOUT ROWID;
    CREATE TABLE samples (
        run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (run_id, step)
    );
    CREATE TABLE snapshots (              -- weights alone, at steps spread evenly on a log scale
        run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        weights BLOB NOT NULL,
        PRIMARY KEY (run_id, step)
    );
    CREATE TABLE checkpoints (            -- all a run needs to go on, the newest only
        run_id TEXT PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        state BLOB NOT NULL
    );
    """,
    """
    ALTER TABLE runs ADD COLUMN pause_at INTEGER;         -- the step at which to pause by itself
    ALTER TABLE runs ADD COLUMN queued_at REAL NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN viewed_at REAL NOT NULL DEFAULT 0;  -- when somebody last looked
    ALTER TABLE runs ADD COLUMN crashed_at INTEGER;       -- the step at which a worker died with it
    ALTER TABLE runs ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;  -- from a file: weights alone
    UPDATE runs SET queued_at = created_at, viewed_at = created_at,
        imported = state IN ('finished', 'stopped') AND wish = 'stopped' AND step > 0;
    CREATE INDEX runs_by_state ON runs(state);
    CREATE INDEX runs_by_wish ON runs(wish, state)
    """,
    """
    ALTER TABLE texts ADD COLUMN origin TEXT NOT NULL DEFAULT '';  -- JSON of the world it is from
    ALTER TABLE runs ADD COLUMN characters_per_token REAL NOT NULL DEFAULT 1;  -- where it validates
    -- the share of right answers, in texts that come from a world
    ALTER TABLE metrics ADD COLUMN accuracy REAL
    """,
    """
    CREATE TABLE speeds (                 -- how fast a machine trains, for estimates of time
        machine TEXT PRIMARY KEY,
        measured_at REAL NOT NULL,
        seconds TEXT NOT NULL             -- JSON of speed.Speed
    )
    """,
    """
    CREATE TABLE single_steps (           -- what the newest step asked for by itself did
        run_id TEXT PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        body TEXT NOT NULL                -- JSON of metrics.SingleStep
    )
    """,
    """
    CREATE TABLE secrets (                -- what never leaves this file
        name TEXT PRIMARY KEY,
        value BLOB NOT NULL
    );
    INSERT INTO secrets VALUES ('marks', randomblob(32));
    -- Imported runs could hold a text that is not their owner's.
    UPDATE runs SET text_id = NULL WHERE imported AND NOT EXISTS (
        SELECT 1 FROM shelves WHERE shelves.text_id = runs.text_id
        AND shelves.workspace IN (runs.workspace, 'library'))
    """,
    """
    ALTER TABLE texts ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;  -- of its body, in UTF-8
    UPDATE texts SET bytes = length(CAST(body AS BLOB))
    """,
)
