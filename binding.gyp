{
  "variables": {
    "probe": "<!(node native/libpmem.mjs)",
    "log_sources": [
      "native/crc64.cc",
      "native/inspect.cc",
      "native/log.cc",
      "native/log_state.cc",
      "native/mapped_medium.cc",
      "native/pmem_library.cc",
      "native/record_reader.cc",
      "native/recording_medium.cc",
      "native/recovery.cc",
      "native/region_file.cc",
      "native/root.cc",
      "native/static_header.cc",
    ],
  },
  "target_defaults": {
    "default_configuration": "Release",
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++14", "-std=c++17"],
    "cflags_cc": ["-std=c++20", "-O2", "-Wall", "-Wextra", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden"],
    "libraries": ["-ldl"],
  },
  "targets": [
    {
      "target_name": "indelible",
      "sources": [
        "native/addon.cc",
        "native/binding.cc",
        "native/binding_append.cc",
        "native/binding_recording.cc",
        "native/binding_values.cc",
        "native/flusher.cc",
        "native/flusher_binding.cc",
        "<@(log_sources)",
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=9", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
    },
    {
      "target_name": "append_limit",
      "type": "executable",
      "sources": ["native/bench/append_limit.cc", "native/bench/log_append.cc", "<@(log_sources)"],
    },
    {
      "target_name": "fdatasync_limit",
      "type": "executable",
      "sources": ["native/bench/fdatasync_limit.cc"],
    },
  ],
}
