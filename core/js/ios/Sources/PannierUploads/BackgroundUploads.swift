import Foundation

/// Requests that go out while nothing of the app runs, by a background URLSession. Each is a JSON
/// file (what the core said of it, and what became of it) beside a file with its body. Within a lane
/// one goes out after the other, the next only after a yes; the rest is held otherwise. Everything
/// stays until it is forgotten, so that an answer survives the end of the process.
public final class BackgroundUploads: NSObject, URLSessionDataDelegate {
    public static let shared = BackgroundUploads()
    public static let session = "pannier.uploads"
    static let answerBytesMax = 1 << 20

    /// Called on the main queue when something has ended while the app runs.
    var changed: (() -> Void)?
    private var completion: (() -> Void)?
    private var bodies: [Int: Data] = [:]
    // Files and answers are touched here alone.
    private let queue: OperationQueue = {
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 1
        return queue
    }()
    private lazy var folder: URL = {
        let base = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask)[0]
        var folder = base.appendingPathComponent("pannier-uploads", isDirectory: true)
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // The requests hold the sign-in's token: not for a backup.
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try? folder.setResourceValues(values)
        return folder
    }()
    private lazy var uploads: URLSession = {
        let configuration = URLSessionConfiguration.background(withIdentifier: BackgroundUploads.session)
        configuration.sessionSendsLaunchEvents = true
        configuration.isDiscretionary = false
        configuration.timeoutIntervalForResource = 24 * 3600
        configuration.httpShouldSetCookies = false
        configuration.httpCookieAcceptPolicy = .never
        return URLSession(configuration: configuration, delegate: self, delegateQueue: queue)
    }()

    /// Takes up the session of an earlier process: its answers come to this one. At every launch.
    public func wake(completion: (() -> Void)? = nil) {
        queue.addOperation {
            if let completion { self.completion = completion }
            _ = self.uploads
            self.advance()
        }
    }

    /// Makes a file of a body, before its request is begun.
    func put(_ id: String, _ data: String, done: @escaping (Error?) -> Void) {
        queue.addOperation {
            do {
                guard !id.isEmpty, let body = Data(base64Encoded: data) else { throw CocoaError(.coderInvalidValue) }
                try body.write(to: self.file(id, "body"), options: .atomic)
                done(nil)
            } catch { done(error) }
        }
    }

    func begin(_ requests: [[String: Any]], done: @escaping (Error?) -> Void) {
        queue.addOperation {
            let files = FileManager.default
            do {
                for one in requests {
                    guard let id = one["id"] as? String, files.fileExists(atPath: self.file(id, "body").path) else { throw CocoaError(.fileNoSuchFile) }
                }
                for var one in requests {
                    one["state"] = "pending"
                    try self.save(one)
                }
                done(nil)
            } catch { done(error) }
            // What a process put and did not live to begin.
            for url in (try? files.contentsOfDirectory(at: self.folder, includingPropertiesForKeys: nil)) ?? []
            where url.pathExtension == "body" && !files.fileExists(atPath: url.deletingPathExtension().appendingPathExtension("json").path) {
                try? files.removeItem(at: url)
            }
            self.advance()
        }
    }

    func list(_ done: @escaping ([[String: Any]]) -> Void) {
        let told = ["id", "account", "lane", "seq", "attempt", "state", "status", "headers", "body"]
        queue.addOperation { done(self.all().map { one in one.filter { told.contains($0.key) } }) }
    }

    func forget(_ ids: [String], done: @escaping () -> Void) {
        // Asked for on the queue, where the session is made.
        queue.addOperation { self.uploads.getAllTasks { tasks in
            self.queue.addOperation {
                for id in ids {
                    try? FileManager.default.removeItem(at: self.file(id, "json"))
                    try? FileManager.default.removeItem(at: self.file(id, "body"))
                }
                tasks.filter { ids.contains($0.taskDescription ?? "") }.forEach { $0.cancel() }
                self.advance()
                done()
            }
        } }
    }

    private func file(_ id: String, _ kind: String) -> URL {
        folder.appendingPathComponent(id).appendingPathExtension(kind)
    }

    private func all() -> [[String: Any]] {
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return files.filter { $0.pathExtension == "json" }.compactMap { url in
            (try? Data(contentsOf: url)).flatMap { try? JSONSerialization.jsonObject(with: $0) as? [String: Any] }
        }
    }

    private func save(_ one: [String: Any]) throws {
        let id = one["id"] as? String ?? ""
        try JSONSerialization.data(withJSONObject: one).write(to: file(id, "json"), options: .atomic)
    }

    private func lanes() -> [[[String: Any]]] {
        let key = { (one: [String: Any]) in "\(one["account"] ?? "")\n\(one["lane"] ?? "")" }
        let place = { (one: [String: Any]) in one["seq"] as? Int ?? 0 }
        return Dictionary(grouping: all(), by: key).values.map { $0.sorted { place($0) < place($1) } }
    }

    /// Begins the first of each lane that was not begun. A process that ends between its task and
    /// the note of it begins it again, which the core allowed for.
    private func advance() {
        for lane in lanes() {
            guard var next = lane.first(where: { $0["state"] as? String == "pending" }), next["begun"] == nil,
                  let id = next["id"] as? String, let url = URL(string: next["url"] as? String ?? "") else { continue }
            var request = URLRequest(url: url)
            request.httpMethod = next["method"] as? String
            for (name, value) in next["requestHeaders"] as? [String: String] ?? [:] { request.setValue(value, forHTTPHeaderField: name) }
            let task = uploads.uploadTask(with: request, fromFile: file(id, "body"))
            task.taskDescription = id
            task.resume()
            next["begun"] = true
            try? save(next)
        }
    }

    public func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let sofar = bodies[dataTask.taskIdentifier] ?? Data()
        if sofar.count + data.count <= Self.answerBytesMax { bodies[dataTask.taskIdentifier] = sofar + data }
    }

    public func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: Error?) {
        let data = bodies.removeValue(forKey: task.taskIdentifier) ?? Data()
        guard let id = task.taskDescription, let lane = lanes().first(where: { $0.contains { $0["id"] as? String == id } }),
              let place = lane.firstIndex(where: { $0["id"] as? String == id }) else { return }
        var one = lane[place]
        if error == nil, let answer = task.response as? HTTPURLResponse {
            one["state"] = "answered"
            one["status"] = answer.statusCode
            one["headers"] = Dictionary(answer.allHeaderFields.map { ("\($0.key)".lowercased(), "\($0.value)") }) { first, _ in first }
            one["body"] = String(data: data, encoding: .utf8) ?? ""
        } else {
            one["state"] = "failed"
        }
        try? save(one)
        try? FileManager.default.removeItem(at: file(id, "body"))
        if !Self.isYes(one, data) {
            for var later in lane[(place + 1)...] where later["state"] as? String == "pending" {
                later["state"] = "held"
                try? save(later)
            }
        }
        advance()
        DispatchQueue.main.async { self.changed?() }
    }

    public func urlSessionDidFinishEvents(forBackgroundURLSession session: URLSession) {
        let completion = self.completion
        self.completion = nil
        DispatchQueue.main.async { completion?() }
    }

    /// Whether the core named this answer as one after which the next may go.
    static func isYes(_ one: [String: Any], _ data: Data) -> Bool {
        guard one["state"] as? String == "answered", let status = one["status"] as? Int else { return false }
        let json = try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
        return (one["yes"] as? [[String: Any]] ?? []).contains { yes in
            (yes["status"] as? [Int] ?? []).contains(status) && (yes["body"] as? [[String: Any]] ?? []).allSatisfy { said in
                guard let here = at(said["at"] as? String ?? "", json), !(here is NSNull) else { return false }
                guard let text = said["eq"] as? String else { return true }
                return here as? String == text
            }
        }
    }

    /// What stands at a JSON Pointer.
    static func at(_ pointer: String, _ json: Any?) -> Any? {
        pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst().reduce(json) { here, part in
            let name = part.replacingOccurrences(of: "~1", with: "/").replacingOccurrences(of: "~0", with: "~")
            if let list = here as? [Any] { return Int(name).flatMap { list.indices.contains($0) ? list[$0] : nil } }
            return (here as? [String: Any])?[name]
        }
    }
}
