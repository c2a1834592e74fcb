"""The rules that Bazel's own toolchains load from rules_java: Bazel 4 has them all built in."""

java_import = native.java_import
java_runtime = native.java_runtime
java_toolchain = native.java_toolchain
