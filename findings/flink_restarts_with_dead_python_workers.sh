#!/usr/bin/env bash
# Beam's Flink runner gives a restarted job the Python worker that died, for as long as it keeps idle workers.
#
# Versions: apache-beam 2.77.0, Beam's runner 2.62.0 for Flink 1.19 with Flink 1.19.0, a worker pool, Java 11 or 17.
# Behaviour: `--environment_cache_millis` lets Python workers of a job stay when no stage uses them, so that not each
# stage starts new ones. A worker that is killed meanwhile stays too: nobody looks whether it is alive. If Flink restarts
# the job before that time has passed, the new attempt is sent to the dead worker and fails at once, and so do all
# others that the restart strategy allows. If the strategy waits longer than workers stay, the restart gets a new worker.
# Seen: 3 restarts, 5 s apart. Workers stay 600 s: the job fails, and the work has begun once. Workers stay 1 s: the job
# ends well, and the work has begun twice.
# Needs: python3, pip, a JDK, Maven.
set -euo pipefail
folder=$(mktemp -d)
pids=()
end() {
  for pid in "${pids[@]}"; do
    disown "$pid"
    kill -9 "$pid" || true
  done
  rm -rf "$folder"
}
trap end EXIT
python3 -m venv "$folder/venv"
export PATH="$folder/venv/bin:$PATH"
pip install -q --disable-pip-version-check apache-beam==2.77.0
mkdir "$folder/flink"
cat >"$folder/pom.xml" <<'XML'
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>flink</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.beam</groupId>
      <artifactId>beam-runners-flink-1.19</artifactId>
      <version>2.62.0</version>
    </dependency>
  </dependencies>
</project>
XML
mvn -q -B -f "$folder/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$folder/jars"
cat >"$folder/flink/flink-conf.yaml" <<'YAML'
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 3
restart-strategy.fixed-delay.delay: 5 s
YAML
cat >"$folder/job.py" <<'PYTHON'
import os
import sys
import time

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

BEGUN = sys.argv.pop(1)


def work(number):
    with open(BEGUN, "a") as begun:
        begun.write(f"{os.getpid()}\n")
    time.sleep(15)
    return number


with beam.Pipeline(options=PipelineOptions(sys.argv[1:], save_main_session=True)) as pipeline:
    pipeline | beam.Create([1]) | beam.Reshuffle() | beam.Map(work)
PYTHON
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() {
  for _ in $(seq 600); do
    if "$@" 2>/dev/null; then return; fi
    sleep 0.5
  done
  echo "not after 5 minutes: $*"
  exit 1
}
is_open() { python3 -c 'import socket, sys; socket.create_connection(("localhost", int(sys.argv[1]))).close()' "$1"; }
opened=()
for package in lang lang.invoke lang.reflect io net nio util util.concurrent util.concurrent.atomic text time; do
  opened+=("--add-opens=java.base/java.$package=ALL-UNNAMED")
done
job_port=$(free_port)
java -Xmx1g "${opened[@]}" -cp "$folder/jars/*" org.apache.beam.runners.flink.FlinkJobServerDriver \
  '--flink-master=[local]' "--flink-conf-dir=$folder/flink" --job-host=localhost "--job-port=$job_port" \
  --artifact-port=0 --expansion-port=0 "--artifacts-dir=$folder/artifacts" >"$folder/server.log" 2>&1 &
pids+=($!)
pool_port=$(free_port)
python -m apache_beam.runners.worker.worker_pool_main "--service_port=$pool_port" >"$folder/pool.log" 2>&1 &
pool=$!
pids+=("$pool")
wait_for is_open "$job_port"
wait_for is_open "$pool_port"

# How often the work began, and how the job ended, if its worker is killed. $1: how long workers stay.
ended() {
  local begun=$folder/begun-$1 status=0
  python "$folder/job.py" "$begun" --runner=PortableRunner "--job_endpoint=localhost:$job_port" \
    --environment_type=EXTERNAL "--environment_config=localhost:$pool_port" --parallelism=1 \
    "--environment_cache_millis=$1" >"$folder/job-$1.log" 2>&1 &
  local job=$!
  wait_for test -s "$begun"
  pkill -9 -P "$pool" || true
  wait "$job" || status=$?
  [[ $status = 0 ]] && ending=well || ending=badly
  echo "$(wc -l <"$begun") $ending"
}
long=$(ended 600000)
short=$(ended 1000)
echo "workers stay 600 s: the work began and the job ended: $long"
echo "workers stay 1 s: $short"
[[ $long = "1 badly" && $short = "2 well" ]] || { echo "the behaviour has changed"; exit 1; }
echo "still so: a restart must wait longer than workers stay"
