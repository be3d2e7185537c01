# Prints what compose.yaml must not be without, made up on the spot: sh deploy/secrets.sh >> .env
set -eu
if [ -f .env ] && grep -q '^POSTGRES_PASSWORD=' .env; then
  echo ".env has its passwords already; the data would not open with others." >&2
  exit 1
fi
made_up() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
for name in POSTGRES_PASSWORD REDIS_PASSWORD S3_ACCESS_KEY S3_SECRET_KEY ADGEN_COOKIE_SECRET; do
  echo "$name=$(made_up 24)"
done
echo "ADGEN_DEMO_PASSWORD=$(made_up 8)"
