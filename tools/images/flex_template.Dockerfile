# The image of a Flex Template: it starts a job of Dataflow, and its workers use the same image. WORKER is what
# worker.Dockerfile made:
#
#     docker build -f tools/images/flex_template.Dockerfile --build-arg WORKER=IMAGE --build-arg PIPELINE=wet_to_c4 -t TEMPLATE .
#
# The template itself, for `gcloud dataflow flex-template build --metadata-file=...`, is tools/images/PIPELINE.metadata.json.
ARG WORKER
ARG PYTHON=311
FROM gcr.io/dataflow-templates-base/python${PYTHON}-template-launcher-base:latest AS launcher

FROM ${WORKER}
ARG PIPELINE=wet_to_c4
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
RUN mkdir -p /template
RUN printf 'from pipelines.launch import flex_template\n\nflex_template.start("%s")\n' "${PIPELINE}" > /template/main.py
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/template/main.py
ENTRYPOINT ["/opt/google/dataflow/python_template_launcher"]
