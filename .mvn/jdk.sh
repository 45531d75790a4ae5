# Sourced by `lowrank` and `mvnw`: puts a JDK 25 or newer into JAVA_HOME, whatever the default `java` is.
# Order: JAVA_HOME, the PATH, JAVA_HOME_25*, then where system packages and version managers put JDKs.

lowrank_jdk_version() { # prints the feature release of the JDK in folder $1, nothing if it is not a JDK
  [ -x "$1/bin/javac" ] || return 0
  if [ -r "$1/release" ]; then
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
  else
    "$1/bin/javac" -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p'
  fi
}

lowrank_find_jdk() {
  lowrank_path_jdk=
  if lowrank_javac=$(command -v javac 2>/dev/null); then
    lowrank_javac=$(readlink -f "$lowrank_javac" 2>/dev/null || printf '%s' "$lowrank_javac")
    lowrank_path_jdk=${lowrank_javac%/bin/javac}
  fi
  for lowrank_home in "${JAVA_HOME:-}" "$lowrank_path_jdk" \
    "${JAVA_HOME_25:-}" "${JAVA_HOME_25_X64:-}" "${JAVA_HOME_25_ARM64:-}" \
    /usr/lib/jvm/* /usr/lib64/jvm/* /usr/java/* /usr/local/lib/jvm/* /opt/java/* /opt/*jdk* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home "${HOME:-}"/Library/Java/JavaVirtualMachines/*/Contents/Home \
    /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
    "${HOME:-}"/.sdkman/candidates/java/* "${HOME:-}"/.jdks/* "${HOME:-}"/.asdf/installs/java/* \
    "${HOME:-}"/.local/share/mise/installs/java/*; do
    [ -n "$lowrank_home" ] && [ -d "$lowrank_home" ] || continue
    lowrank_version=$(lowrank_jdk_version "$lowrank_home")
    if [ -n "$lowrank_version" ] && [ "$lowrank_version" -ge 25 ]; then
      JAVA_HOME=$lowrank_home
      export JAVA_HOME
      return 0
    fi
  done
  echo "lowrank needs JDK 25 or newer and found none in JAVA_HOME, on the PATH or in the usual folders (/usr/lib/jvm, ~/.sdkman, ~/.jdks, ...)." >&2
  echo "Install one (for example Eclipse Temurin 25) or set JAVA_HOME to it." >&2
  return 1
}
