# Functions of deploy/up, which sets $config, $is_prepared, $lock, $log, $old, $previous_image, $replicas and $running_before.

# At the end. After a failure the volumes hold again what they held, for a container that restarts, and
# the image's name means again what runs, also for plain Compose.
clean_up() {
  if [ -n "$is_prepared" ]; then
    docker compose run --rm --no-TTY --no-deps prepare python -m deploy.prepare --undo >/dev/null 2>&1 ||
      say "The files of the failed change stay in the volumes: run \`make up\` again before a container restarts."
  fi
  if [ -n "$previous_image" ]; then
    # Those that were not healthy yet when this program was interrupted.
    # shellcheck disable=SC2046
    docker rm --force $(new_containers) >/dev/null 2>&1 || true
    docker tag "$previous_image" "$(image_of api)" 2>/dev/null || true
    # Made from the new image; Compose would recreate them, and the API with them.
    docker compose rm --force prepare migrate >/dev/null 2>&1 || true
  fi
  rm -f "$lock" "$log"
}

# Shows the output of a command only if it fails.
quietly() {
  "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}

# Sets $services to those that were asked for, else to all, except monitoring whose image is missing.
choose_services() {
  services=
  # shellcheck disable=SC2046
  [ $# -gt 0 ] || set -- $(docker compose config --services)
  # Prometheus needs both, but a depends_on would stop it with each release, and with a missing image.
  case " $* " in *" prometheus "*)
    for needed in edge alertmanager; do
      case " $* " in *" $needed "*) ;; *) set -- "$@" $needed ;; esac
    done ;;
  esac
  for service in "$@"; do
    case $service in prepare | migrate) continue ;; esac
    image=$(image_of "$service")
    if docker image inspect "$image" >/dev/null 2>&1 || docker compose pull --quiet "$service" >"$log" 2>&1; then
      services="$services $service"
      continue
    fi
    reason=$(grep -v '^ ' "$log" | tail -1)
    case $service in
      prometheus | alertmanager | grafana) say "Starting without $service: its image $image cannot be pulled ($reason)." ;;
      *) fail "The image $image of $service cannot be pulled ($reason)." ;;
    esac
  done
}

image_of() {
  printf '%s\n' "$config" | awk -v head="  $1:" '
    $0 == head { inside = 1; next } /^  [^ ]/ { inside = 0 } inside && $1 == "image:" { print $2; exit }'
}

# Runs a service, or a command in it, to its end and prints its output; a failure ends this program with
# its reason.
run_once() {
  docker compose run --rm --no-TTY --no-deps "$@" 2>"$log" || {
    reason=$(grep -v '^ *\(Container\|Network\|Volume\) \| test failed$' "$log" | tail -1)
    say "What runs serves on. The service $1 failed:"
    fail "$reason"
  }
}

# Starts services, or applies changes to them, and waits until they are healthy.
start() {
  docker compose up --detach --wait "$@" >"$log" 2>&1 && return
  address=$(sed -n 's/.*[^0-9.]\([0-9.]*:[0-9][0-9]*\).*\(already allocated\|already in use\).*/\1/p' "$log" | tail -1)
  if [ -z "$running_before" ]; then
    [ -n "$address" ] || docker compose logs --no-color --tail 5 >&2 || true
    docker compose --profile '*' down --timeout 5 >/dev/null 2>&1 || true
  fi
  [ -z "$address" ] || fail "Port ${address##*:} is busy: stop what listens on it, or set another one (HTTPS_PORT, HTTP_PORT and others)."
  fail "$(grep -v '^ *$' "$log" | tail -1)"
}

# The API's containers that are not among $old.
new_containers() {
  for container in $(docker compose ps --all --quiet api); do
    echo "$old" | grep -q "$container" || echo "$container"
  done
}

# Whether Compose would make the API's containers as they are: it makes one more, which is not started.
is_current() {
  docker compose up --no-start --no-build --no-recreate --scale "api=$((count + 1))" api >"$log" 2>&1 ||
    fail "The API's containers cannot be compared: $(tail -1 "$log")"
  for container in $(new_containers) $old; do
    version=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.config-hash"}} {{.Image}}' "$container")
    [ "${expected:=$version}" = "$version" ] || differs=yes
  done
  # shellcheck disable=SC2046
  docker rm --force $(new_containers) >/dev/null 2>&1 || true
  [ -z "${differs-}" ]
}

# Replaces the API: new containers beside the old ones; when they are healthy, the old ones drain.
roll_api() {
  [ -n "$old" ] || return 0
  count=$(echo "$old" | wc -l)
  case $1 in *'"api/'*) ;; *) if is_current; then return 0; fi ;; esac
  run_once api python -m deploy.trial >/dev/null
  say "Replacing the API ..."
  docker compose up --detach --wait --no-recreate --scale "api=$((count + replicas))" api >"$log" 2>&1 || {
    for container in $(new_containers); do
      docker logs --tail 1 "$container" >&2 || true
      docker rm --force "$container" >/dev/null
    done
    fail "The new API did not become healthy; the old one serves on: $(tail -1 "$log")"
  }
  # The new API serves: from here on nothing is undone.
  previous_image=
  is_prepared=
  # nginx looks the addresses up once per second.
  sleep 2
  # shellcheck disable=SC2086
  docker stop --time 45 $old >/dev/null
  # shellcheck disable=SC2086
  docker rm $old >/dev/null
}

# Loads certificate, limits and configuration.
reload_nginx() {
  [ -z "$(docker compose ps --quiet nginx)" ] || docker compose exec -T nginx sh -c 'kill -HUP 1'
}

# Their rules and settings are mounted folders: a release that changes them changes no container.
reload_monitoring() {
  if runs prometheus && ! quietly docker compose exec -T prometheus promtool check config /etc/prometheus/prometheus.yml
  then
    say "Prometheus keeps the rules and settings that it has: $(tail -1 "$log")"
  fi
  # Not `docker compose kill`: Docker would take it for a stop, and not restart a service that ends later.
  for service in prometheus alertmanager; do
    ! runs "$service" || docker compose exec -T "$service" sh -c 'kill -HUP 1' ||
      say "$service was not told to read its settings again: docker compose restart $service"
  done
}

runs() {
  [ -n "$(docker compose ps --quiet --status running "$1")" ]
}
