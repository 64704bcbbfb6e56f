#!/usr/bin/env bash
# Flink task managers that share one of Beam's worker pools stop each other's Python workers.
#
# Versions: apache-beam 2.77.0, Beam's runner 2.62.0 for Flink 1.19 with Flink 1.19.0, Java 11 or 17.
# Behaviour: each task manager numbers its Python workers by itself, so two of them ask the pool for workers with the same
# id, `1-1`. The pool knows one process per id, that which it started last. When a task manager has no more work and asks
# the pool to stop its worker, the pool stops the worker that it started last, which may be at work for the other one.
# Whether a job fails is a matter of who is done first. (A pool per machine, each with one task manager, has no such ids.)
# Seen: a job with a worker for each of two task managers, without restarts. If the worker that was started first is done
# first, the job fails; if the other one is done first, the job ends well.
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
cat >"$folder/job.py" <<'PYTHON'
import os
import sys
import time

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

WORKERS, DONE_FIRST = sys.argv.pop(1), sys.argv.pop(1)


def work(number):
    own = f"{os.getpid()}\n"
    with open(WORKERS, "a+") as workers:
        workers.seek(0)
        if own not in workers:
            workers.write(own)
    while True:
        with open(WORKERS) as workers:
            pids = sorted(map(int, workers))
        if len(pids) == 2:
            break
        time.sleep(0.1)
    # The pool started the process with the smaller number first.
    is_done_first = os.getpid() == (pids[0] if DONE_FIRST == "older" else pids[1])
    time.sleep(0 if is_done_first else 4)
    return number


with beam.Pipeline(options=PipelineOptions(sys.argv[1:], save_main_session=True)) as pipeline:
    pipeline | beam.Create(range(16)) | beam.Reshuffle() | beam.Map(work)
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
rest_port=$(free_port)
job_port=$(free_port)
pool_port=$(free_port)
mkdir "$folder/conf"
cat >"$folder/conf/flink-conf.yaml" <<YAML
jobmanager.rpc.address: localhost
jobmanager.rpc.port: $(free_port)
rest.address: localhost
rest.port: $rest_port
rest.bind-port: $rest_port
taskmanager.host: localhost
taskmanager.numberOfTaskSlots: 1
taskmanager.cpu.cores: 1.0
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
taskmanager.memory.task.heap.size: 256m
taskmanager.memory.task.off-heap.size: 64m
taskmanager.memory.managed.size: 128m
taskmanager.memory.network.min: 128m
taskmanager.memory.network.max: 128m
classloader.resolve-order: parent-first
restart-strategy.type: none
io.tmp.dirs: $folder
YAML
opened=()
for package in lang lang.invoke lang.reflect io net nio util util.concurrent util.concurrent.atomic text time; do
  opened+=("--add-opens=java.base/java.$package=ALL-UNNAMED")
done
# $1: a name for the log. The others: a class and its arguments.
start_java() {
  java -Xmx512m -XX:+UseSerialGC "${opened[@]}" -cp "$folder/jars/*" "${@:2}" >"$folder/$1.log" 2>&1 &
  pids+=($!)
}
start_java job_manager org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint \
  --executionMode cluster --configDir "$folder/conf"
for number in 1 2; do
  start_java "task_manager_$number" org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir "$folder/conf"
done
start_java job_server org.apache.beam.runners.flink.FlinkJobServerDriver "--flink-master=localhost:$rest_port" \
  --job-host=localhost "--job-port=$job_port" --artifact-port=0 --expansion-port=0 "--artifacts-dir=$folder/artifacts"
python -m apache_beam.runners.worker.worker_pool_main "--service_port=$pool_port" >"$folder/pool.log" 2>&1 &
pids+=($!)
is_open() { python3 -c 'import socket, sys; socket.create_connection(("localhost", int(sys.argv[1]))).close()' "$1"; }
has_two_task_managers() {
  python3 - "$rest_port" <<'PYTHON'
import json
import sys
import urllib.request

with urllib.request.urlopen(f"http://localhost:{sys.argv[1]}/taskmanagers") as answer:
    sys.exit(len(json.load(answer)["taskmanagers"]) != 2)
PYTHON
}
for port in "$rest_port" "$job_port" "$pool_port"; do wait_for is_open "$port"; done
wait_for has_two_task_managers

# How a job ends. $1: which of its two workers is done first, the older or the younger.
ended() {
  if python "$folder/job.py" "$folder/workers-$1" "$1" --runner=PortableRunner "--job_endpoint=localhost:$job_port" \
    --environment_type=EXTERNAL "--environment_config=localhost:$pool_port" --parallelism=2 >"$folder/job-$1.log" 2>&1; then
    echo well
  else
    echo badly
  fi
}
older=$(ended older)
younger=$(ended younger)
ids=$(grep -o 'worker_id="[^"]*"' "$folder/pool.log" | sort | uniq -c | awk '$1 > 1 {print $2}')
echo "ids that two workers had: ${ids:-none}"
echo "the older worker is done first, and the job ends $older"
echo "the younger worker is done first, and the job ends $younger"
[[ -n $ids && $older = badly && $younger = well ]] || { echo "the behaviour has changed"; exit 1; }
echo "still so: a pool of several task managers stops the wrong workers"
