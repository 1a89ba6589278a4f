import Capacitor
import UIKit

/// The bridge to `BackgroundUploads`; see core/js/src/capacitor/uploads.ts.
@objc(PannierUploadsPlugin)
public class PannierUploadsPlugin: CAPPlugin, CAPBridgedPlugin {
    public let identifier = "PannierUploadsPlugin"
    public let jsName = "PannierUploads"
    public let pluginMethods: [CAPPluginMethod] = [
        CAPPluginMethod(name: "put", returnType: CAPPluginReturnPromise),
        CAPPluginMethod(name: "begin", returnType: CAPPluginReturnPromise),
        CAPPluginMethod(name: "list", returnType: CAPPluginReturnPromise),
        CAPPluginMethod(name: "forget", returnType: CAPPluginReturnPromise),
        CAPPluginMethod(name: "rest", returnType: CAPPluginReturnPromise)
    ]
    private var awake = UIBackgroundTaskIdentifier.invalid

    override public func load() {
        let uploads = BackgroundUploads.shared
        uploads.changed = { [weak self] in self?.notifyListeners("changed", data: [:]) }
        uploads.wake()
        // The page needs some seconds to hand over what it has; it is told that it may by App's "pause".
        NotificationCenter.default.addObserver(self, selector: #selector(stayAwake), name: UIApplication.didEnterBackgroundNotification, object: nil)
    }

    @objc private func stayAwake() {
        sleep()
        awake = UIApplication.shared.beginBackgroundTask(withName: "pannier.handOver") { [weak self] in self?.sleep() }
    }

    private func sleep() {
        if awake != .invalid { UIApplication.shared.endBackgroundTask(awake) }
        awake = .invalid
    }

    @objc func put(_ call: CAPPluginCall) {
        BackgroundUploads.shared.put(call.getString("id") ?? "", call.getString("data") ?? "") { error in
            if let error { call.reject(error.localizedDescription) } else { call.resolve() }
        }
    }

    @objc func begin(_ call: CAPPluginCall) {
        let requests = (call.getArray("uploads") ?? []).compactMap { $0 as? [String: Any] }
        BackgroundUploads.shared.begin(requests) { error in
            if let error { call.reject(error.localizedDescription) } else { call.resolve() }
        }
    }

    @objc func list(_ call: CAPPluginCall) {
        BackgroundUploads.shared.list { call.resolve(["uploads": $0]) }
    }

    @objc func forget(_ call: CAPPluginCall) {
        BackgroundUploads.shared.forget((call.getArray("ids") ?? []).compactMap { $0 as? String }) { call.resolve() }
    }

    @objc func rest(_ call: CAPPluginCall) {
        DispatchQueue.main.async { self.sleep() }
        call.resolve()
    }
}
