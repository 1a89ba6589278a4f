// What the native side of a Capacitor app puts into its web view before the page's own scripts, as
// far as a browser can have it: the plugins' headers and a bridge. Behind the bridge stands the
// test's phone (stories/phone.mjs), which outlives the page as an operating system does. Capacitor's
// own native-bridge.js follows this script.

const listeners = [], ownFetch = globalThis.fetch.bind(globalThis);
globalThis.WEBVIEW_SERVER_URL = location.origin;
const answer = (call, success, data, save = false) => globalThis.Capacitor.fromNative({
  callbackId: call.callbackId, pluginId: call.pluginId, methodName: call.methodName, save, success, ...(success ? { data } : { error: data }),
});

globalThis.native = {
  /** An event of a plugin, as the system would tell it. */
  tell(plugin, event, data) {
    for (const one of listeners.filter(({ pluginId, options }) => pluginId === plugin && options.eventName === event)) answer(one, true, data, true);
  },
};

globalThis.androidBridge = {
  postMessage(text) {
    const call = JSON.parse(text);
    if (call.methodName === "addListener") return void listeners.push(call);
    if (call.methodName === "removeListener") return void listeners.splice(listeners.findIndex(({ callbackId }) => callbackId === call.options.callbackId), 1);
    ownFetch(`${PHONE}/call`, { method: "POST", body: text }).then((told) => told.json()).then(
      ({ data, error }) => (error ? answer(call, false, error) : answer(call, true, data)),
      (error) => answer(call, false, { message: String(error) }),
    );
  },
};
// `plugins.CapacitorHttp.enabled` of an app's configuration: its own fetch takes the browser's place.
globalThis.CapacitorHttpAndroidInterface = { isEnabled: () => PATCHED };
globalThis.Capacitor = {
  DEBUG: false, isLoggingEnabled: false, Plugins: {},
  PluginHeaders: Object.entries(PLUGINS).map(([name, methods]) => ({
    name, methods: [{ name: "addListener", rtype: "callback" }, { name: "removeListener", rtype: "none" }, { name: "removeAllListeners", rtype: "promise" },
      ...methods.map((method) => ({ name: method, rtype: "promise" }))],
  })),
};
