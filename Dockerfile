# The server on standard input and output; it ends with its input. Run it with
#   docker run --rm -i -e MOODLE_URL -e MOODLE_TOKEN moodle-mcp
# packaging/compose.yaml runs it as a server that people sign in to.
# A release names the base image with its digest here: docs/releasing.md.
ARG PYTHON=python:3.13-slim
FROM ${PYTHON} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY packaging/constraints.txt packaging/build-constraints.txt packaging/
# pip installs into it from outside, so that the image carries none of it. Every file of a dependency
# must have a pinned hash.
RUN python -m venv --without-pip /opt/moodle-mcp \
    && python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; o = p["optional-dependencies"]; print(*p["dependencies"], *o["redis"], *o["metrics"], sep="\n")' > names.txt \
    && pip --python /opt/moodle-mcp/bin/python install --no-cache-dir --require-hashes --only-binary :all: -c packaging/constraints.txt -r names.txt \
    && pip install --no-cache-dir --require-hashes --only-binary :all: -r packaging/build-constraints.txt
COPY moodle_mcp ./moodle_mcp
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
    && pip --python /opt/moodle-mcp/bin/python install --no-cache-dir --no-deps /dist/*.whl

FROM ${PYTHON}
COPY --from=build /opt/moodle-mcp /opt/moodle-mcp
# A number, so that a cluster can see that it is not root.
USER 10001
ENTRYPOINT ["/opt/moodle-mcp/bin/moodle-mcp"]
