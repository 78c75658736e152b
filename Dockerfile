# One process, one file of cases under /app/var: give that a volume, and the settings as environment variables.
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.txt
COPY handler ./handler
RUN python -m compileall -q handler \
    && useradd --system --home-dir /app reserve-handler \
    && install -d -o reserve-handler -m 0700 var
USER reserve-handler
VOLUME /app/var
EXPOSE 8080
HEALTHCHECK CMD ["python", "-c", "import urllib.request as web; web.build_opener(web.ProxyHandler({})).open('http://127.0.0.1:8080/health', timeout=5)"]
ENTRYPOINT ["python", "-m", "handler"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
