# The page in a container, for a Space of the kind Docker or any server. It was not built where the project is developed.
#
#     docker build --tag long-form-qa .
#     docker run --rm --publish 7860:7860 --volume long-form-qa:/data long-form-qa
FROM python:3.11-slim-bookworm
# As a Space runs it: not as root.
RUN useradd --create-home --uid 1000 user && mkdir /data && chown user:user /data
WORKDIR /home/user/app
COPY requirements.txt .
# Without a GPU, the index of PyTorch's CPU builds, given as --build-arg PIP_EXTRA_INDEX_URL=…, saves gigabytes.
ARG PIP_EXTRA_INDEX_URL=
RUN pip install --no-cache-dir -r requirements.txt
COPY --chown=user:user . .
USER user
# Models and passages are fetched at the first start; a volume at /data keeps them, and the ratings.
ENV LFQA_CACHE=/data/cache LFQA_RATINGS=/data/ratings.jsonl PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 7860
CMD ["python", "app.py", "--host", "0.0.0.0", "--port", "7860"]
