# adgen: web and worker from one image. Run it with a volume on /data.
FROM python:3.11-slim-bookworm

# libfribidi joins the letters of Arabic and Indic scripts on the cards; Pillow loads it at run time.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libfribidi0 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 adgen \
 && install -d -o adgen -g adgen /data

WORKDIR /app
COPY requirements.txt requirements-studio.txt constraints.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check \
    -r requirements.txt -r requirements-studio.txt -c constraints.txt
COPY app.py ./
COPY .streamlit .streamlit
COPY pages pages
COPY adgen adgen

USER adgen
ENV ADGEN_HOME=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORT=8501
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s CMD \
  ["python", "-c", "import os, urllib.request as u; u.urlopen('http://localhost:' + os.environ['PORT'] + '/health', timeout=4)"]
CMD ["sh", "-c", "exec streamlit run app.py --server.address 0.0.0.0 --server.port $PORT"]
