-- A store as almanac wrote it with schema 4: 'run' of a job with a task that fails, and an imported row.
BEGIN TRANSACTION;
CREATE TABLE availability (
    name TEXT PRIMARY KEY, start_seconds REAL NOT NULL, step_seconds REAL NOT NULL,
    capacity INTEGER NOT NULL, counts BLOB NOT NULL, prices BLOB);
CREATE TABLE demand (execution_id INTEGER PRIMARY KEY REFERENCES executions, series BLOB NOT NULL);
CREATE TABLE executions (
    id INTEGER PRIMARY KEY, import_id INTEGER REFERENCES imports, row_hash INTEGER NOT NULL,
    workflow TEXT, job TEXT, task TEXT, task_type TEXT, attempt REAL, machine TEXT, instance_type TEXT, submit_time_seconds REAL, start_time_seconds REAL, end_time_seconds REAL, runtime_seconds REAL, cpus REAL, cpu_seconds REAL, peak_memory_bytes REAL, requested_memory_bytes REAL, requested_seconds REAL, input_bytes REAL, output_bytes REAL, read_bytes REAL, written_bytes REAL, status TEXT, exit_code REAL, failure_cause TEXT, price_per_hour REAL, parameters TEXT);
INSERT INTO "executions" VALUES(1,NULL,-3369554241008073834,'older','older/1','make-2','make',1.0,'host','local',1.79595362510577082632e+09,1.79595362510861802102e+09,1.79595362510956883424e+09,9.50999999999999913978e-04,1.0,0.000829,6717440.0,NULL,NULL,NULL,2.0,3980.0,2.0,'completed',0.0,NULL,0.0,'{"instance":"local","level":2,"n":2}');
INSERT INTO "executions" VALUES(2,NULL,2353278148131164212,'older','older/1','make-1','make',1.0,'host','local',1.79595362510577082632e+09,1.79595362510851502425e+09,1.79595362511493492128e+09,6.41999999999999949179e-03,1.0,0.000983,6684672.0,NULL,NULL,NULL,2.0,3980.0,2.0,'completed',0.0,NULL,0.0,'{"instance":"local","level":1,"n":1}');
INSERT INTO "executions" VALUES(3,NULL,3186312457942532801,'older','older/1','bad','bad',1.0,'host','local',1.79595362511508703238e+09,1.79595362511551785472e+09,1.79595362511830592159e+09,2.78799999999999967986e-03,1.0,0.000674,6979584.0,NULL,NULL,NULL,NULL,3980.0,0.0,'failed',3.0,'program-error',0.0,'{"instance":"local","failure":"It ended with exit code 3."}');
INSERT INTO "executions" VALUES(4,NULL,-7825823694551452329,'older','older/1','bad','bad',2.0,'host','local',1.79595362511855387689e+09,1.79595362511891388892e+09,1795953625.1267,7.78599999999999951849e-03,1.0,0.000772,6979584.0,NULL,NULL,NULL,NULL,3980.0,0.0,'failed',3.0,'program-error',0.0,'{"instance":"local","failure":"It ended with exit code 3."}');
INSERT INTO "executions" VALUES(5,1,-1617500502258171084,'other','1','t','x',NULL,NULL,NULL,NULL,NULL,NULL,3.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"instance":"mine"}');
CREATE TABLE imports (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, format TEXT NOT NULL, imported_at REAL NOT NULL,
    rows INTEGER NOT NULL, digest TEXT);
INSERT INTO "imports" VALUES(1,'in.csv','csv',1.79595362515005564684e+09,1,'f25023f5fbe3b5255d06da15c3e36faa csv');
CREATE TABLE lifetimes (
    vm TEXT NOT NULL, zone TEXT NOT NULL, instance_type TEXT NOT NULL, start_seconds REAL NOT NULL,
    lifetime_seconds REAL NOT NULL, reclaimed INTEGER NOT NULL, PRIMARY KEY (vm, start_seconds));
CREATE TABLE spot_markets (
    id INTEGER PRIMARY KEY, instance_type TEXT NOT NULL, zone TEXT NOT NULL, product TEXT NOT NULL,
    UNIQUE (instance_type, zone, product));
CREATE TABLE spot_prices (
    market_id INTEGER NOT NULL REFERENCES spot_markets, time_seconds REAL NOT NULL,
    price_per_hour REAL NOT NULL, PRIMARY KEY (market_id, time_seconds)) WITHOUT ROWID;
CREATE UNIQUE INDEX outcomes ON executions (workflow, job, task, attempt) WHERE import_id IS NULL;
COMMIT;
PRAGMA user_version = 4;
