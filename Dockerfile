# The server on standard input and output; it ends with its input. Run it with
#   docker run --rm -i -e MOODLE_URL -e MOODLE_TOKEN moodle-mcp
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY moodle_mcp ./moodle_mcp
# pip installs into it from outside, so that the image carries none of it.
RUN python -m venv --without-pip /opt/moodle-mcp \
    && pip --python /opt/moodle-mcp/bin/python install --no-cache-dir .

FROM python:3.13-slim
COPY --from=build /opt/moodle-mcp /opt/moodle-mcp
# A number, so that a cluster can see that it is not root.
USER 10001
ENTRYPOINT ["/opt/moodle-mcp/bin/moodle-mcp"]
