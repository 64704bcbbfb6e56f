# The image of the Python workers: for Dataflow (--sdk_container_image), and for Flink and Spark (--environment_type=DOCKER).
# Build it in the root of the checkout:
#
#     docker build -f tools/images/worker.Dockerfile -t IMAGE .
#
# Both versions must be those of the machine that starts the command, or workers cannot read what it sends.
ARG PYTHON=3.11
ARG BEAM=2.77.0
FROM apache/beam_python${PYTHON}_sdk:${BEAM} AS beam

FROM python:${PYTHON}-slim
ARG BEAM=2.77.0
COPY --from=beam /opt/apache/beam /opt/apache/beam
COPY setup.py constraints.txt README.md MANIFEST.in /build/
COPY c4pipe /build/c4pipe
COPY pipelines /build/pipelines
RUN pip install --no-cache-dir -c /build/constraints.txt "apache-beam[gcp]==${BEAM}" "/build[beam,cloud]"
RUN pip check
RUN rm -rf /build
ENTRYPOINT ["/opt/apache/beam/boot"]
