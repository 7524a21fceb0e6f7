// The explorer of crash images, as JavaScript sees it: an object that keeps count over the media it is given to.
#include "binding.h"

namespace indelible {
namespace {

using Explorer = std::shared_ptr<CrashExplorer>;

Explorer* explorer_of(Napi::Value value) {
  return value.IsExternal() ? value.As<Napi::External<Explorer>>().Data() : nullptr;
}

bool small_of(Napi::Object object, const char* name, std::uint32_t& number) {
  std::uint64_t wide = 0;
  if (!integer_of(object.Get(name), wide) || wide > UINT32_MAX) return false;
  number = static_cast<std::uint32_t>(wide);
  return true;
}

bool options_of(Napi::Value value, ExploreOptions& options) {
  if (!value.IsObject()) return false;
  const auto object = value.As<Napi::Object>();
  const Napi::Value only = object.Get("onlyImage");
  options.forgets = object.Get("forgets").ToBoolean();
  return integer_of(object.Get("seed"), options.enumeration.seed) &&
         integer_of(object.Get("exhaustiveMax"), options.enumeration.exhaustive_max) &&
         small_of(object, "randomImages", options.enumeration.random_images) &&
         small_of(object, "kills", options.kills) && small_of(object, "deepEvery", options.deep_every) &&
         options.deep_every > 0 && small_of(object, "innerImages", options.inner_images) &&
         (only.IsUndefined() || integer_of(only, options.only_image));
}

Napi::Value text_of(Napi::Env env, const std::string& text) { return Napi::String::New(env, text); }

Napi::Object outcome_object(Napi::Env env, const OutcomeClass& found) {
  auto object = Napi::Object::New(env);
  object.Set("foreign", Napi::Boolean::New(env, found.outcome.code == Code::store_foreign));
  object.Set("images", make_number(env, found.images));
  object.Set("innerImages", make_number(env, found.inner_images));
  object.Set("image", make_number(env, found.image_number));
  object.Set("x86", Napi::Boolean::New(env, found.x86));
  object.Set("trail", text_of(env, found.trail));
  object.Set("seen", copy_of(env, found.seen));
  object.Set("durable", found.seen == found.durable ? object.Get("seen") : copy_of(env, found.durable));
  return object;
}

Napi::Object point_object(Napi::Env env, const CrashPoint& point) {
  auto object = Napi::Object::New(env);
  object.Set("site", make_number(env, static_cast<std::uint64_t>(point.site)));
  object.Set("units", make_number(env, point.units));
  object.Set("exhaustive", Napi::Boolean::New(env, point.exhaustive));
  object.Set("images", make_number(env, point.images));
  object.Set("kills", make_number(env, point.kills));
  object.Set("innerImages", make_number(env, point.inner_images));
  object.Set("x86Images", make_number(env, point.x86_images));
  object.Set("distinct", make_number(env, point.distinct));
  auto outcomes = Napi::Array::New(env);
  std::uint32_t index = 0;
  for (const OutcomeClass& found : point.classes) outcomes.Set(index++, outcome_object(env, found));
  object.Set("outcomes", outcomes);
  if (!point.violation.empty()) {
    auto violation = Napi::Object::New(env);
    violation.Set("what", text_of(env, point.violation));
    violation.Set("trail", text_of(env, point.trail));
    violation.Set("image", make_number(env, point.image_number));
    violation.Set("x86", Napi::Boolean::New(env, point.x86));
    object.Set("violation", violation);
  }
  return object;
}

Napi::Array points_array(Napi::Env env, const std::vector<CrashPoint>& points) {
  auto array = Napi::Array::New(env);
  std::uint32_t index = 0;
  for (const CrashPoint& point : points) array.Set(index++, point_object(env, point));
  return array;
}

/// createExplorer()
Napi::Value create_explorer(const Napi::CallbackInfo& info) {
  const auto finalize = [](Napi::Env, Explorer* explorer) { delete explorer; };
  return Napi::External<Explorer>::New(info.Env(), new Explorer(std::make_shared<CrashExplorer>()), finalize);
}

/// distinctImages(explorer): by site; the last place is for moments between operations.
Napi::Value distinct_images(const Napi::CallbackInfo& info) {
  const Explorer* explorer = explorer_of(info[0]);
  if (explorer == nullptr) return raise_argument(info.Env(), "distinctImages takes an explorer");
  std::vector<double> counts;
  for (const std::uint64_t count : (*explorer)->distinct()) counts.push_back(static_cast<double>(count));
  return make_doubles(info.Env(), counts);
}

/// exploreFormat(explorer, options, image, format): the moments of one formatting over `image`.
Napi::Value explore_format(const Napi::CallbackInfo& info) {
  const Explorer* explorer = explorer_of(info[0]);
  ExploreOptions options;
  std::span<const std::byte> image;
  FormatOptions format;
  if (explorer == nullptr || !options_of(info[1], options) || !bytes_of(info[2], image) ||
      image.size() <= kLogOffset || !format_options_of(info[3], format)) {
    return raise_argument(info.Env(), "exploreFormat takes an explorer, options, an image and a format");
  }
  RecordingMedium medium(std::vector<std::byte>(image.begin(), image.end()));
  return points_array(info.Env(), (*explorer)->explore_format(medium, format, options));
}

/// explore(explorer, options): this moment.
Napi::Value explore(Handle& handle, const Napi::CallbackInfo& info) {
  const Explorer* explorer = explorer_of(info[0]);
  ExploreOptions options;
  if (explorer == nullptr || !options_of(info[1], options)) {
    return raise_argument(info.Env(), "explore takes an explorer and options");
  }
  return point_object(info.Env(), (*explorer)->explore(*handle.recording, Site::count, options));
}

/// exploreAtFences(explorer, options, only): every fence from now on, or only the n-th; without arguments none.
Napi::Value explore_at_fences(Handle& handle, const Napi::CallbackInfo& info) {
  const Explorer* explorer = explorer_of(info[0]);
  ExploreOptions options;
  if (explorer == nullptr) {
    handle.recording->on_fence({});
    return {};
  }
  std::uint64_t only = 0;
  const bool every = info[2].IsUndefined();
  if (!options_of(info[1], options) || (!every && !integer_of(info[2], only))) {
    return raise_argument(info.Env(), "exploreAtFences takes an explorer, options and a fence's number");
  }
  handle.recording->on_fence([&handle, options, every, only, shared = *explorer](Site site) mutable {
    CrashPoint point;
    point.site = site;
    if (every || only-- == 0) point = shared->explore(*handle.recording, site, options);
    handle.explored.push_back(std::move(point));
    options.enumeration.seed++;
  });
  return {};
}

/// takeExplored(): the moments since the last call; forgets them.
Napi::Value take_explored(Handle& handle, const Napi::CallbackInfo& info) {
  const Napi::Array points = points_array(info.Env(), handle.explored);
  handle.explored.clear();
  return points;
}

}  // namespace

void bind_exploring(Napi::Env env, Napi::Object exports) {
  exports.Set("createExplorer", Napi::Function::New<create_explorer>(env, "createExplorer"));
  exports.Set("distinctImages", Napi::Function::New<distinct_images>(env, "distinctImages"));
  exports.Set("exploreFormat", Napi::Function::New<explore_format>(env, "exploreFormat"));
}

void bind_explore(Napi::Object object, const std::shared_ptr<Handle>& handle) {
  bind(object, handle, "explore", Needs::recording, explore);
  bind(object, handle, "exploreAtFences", Needs::recording, explore_at_fences);
  bind(object, handle, "takeExplored", Needs::recording, take_explored);
}

}  // namespace indelible
