package org.pannier.uploads

import android.content.Context
import android.util.Base64
import androidx.work.BackoffPolicy
import androidx.work.Constraints
import androidx.work.Data
import androidx.work.ExistingWorkPolicy
import androidx.work.NetworkType
import androidx.work.OneTimeWorkRequest
import androidx.work.WorkManager
import androidx.work.Worker
import androidx.work.WorkerParameters
import java.io.File
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import java.util.concurrent.TimeUnit
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

/**
 * Requests that go out while nothing of the app runs, by WorkManager. Each is a JSON file (what the
 * core said of it, and what became of it) beside a file with its body. Within a lane one goes out
 * after the other, the next only after a yes; the rest is held otherwise. Everything stays until it
 * is forgotten, so that an answer survives the end of the process.
 */
class PannierUploads(private val context: Context) {
    private val folder = File(context.noBackupFilesDir, "pannier-uploads").apply { mkdirs() }

    /** Makes a file of a body, before its request is begun. */
    fun put(id: String, data: String) = synchronized(lock) { write(file(id, "body"), Base64.decode(data, Base64.DEFAULT)) }

    fun begin(requests: List<JSONObject>) = synchronized(lock) {
        requests.firstOrNull { !file(it.getString("id"), "body").exists() }?.let { throw IOException("${it.getString("id")} has no body") }
        for (one in requests) save(one.put("state", "pending"))
        // What a process put and did not live to begin.
        folder.listFiles { _, name -> name.endsWith(".body") && !File(folder, name.removeSuffix(".body") + ".json").exists() }?.forEach { it.delete() }
        requests.map { lane(it) }.distinct().forEach { work(it) }
    }

    fun all(): List<JSONObject> = synchronized(lock) {
        val files = folder.listFiles { _, name -> name.endsWith(".json") } ?: emptyArray()
        files.mapNotNull { try { JSONObject(it.readText()) } catch (_: JSONException) { null } }
    }

    fun forget(ids: Set<String>) = synchronized(lock) {
        for (id in ids) {
            file(id, "json").delete()
            file(id, "body").delete()
        }
    }

    /** Sends what waits in one lane. False: no network, or none that leads there. */
    fun send(lane: String): Boolean {
        while (true) {
            val next = all().filter { lane(it) == lane && it.getString("state") == "pending" }.minByOrNull { it.getLong("seq") } ?: return true
            try {
                exchange(next)
            } catch (_: IOException) {
                return false
            }
            synchronized(lock) {
                val id = next.getString("id")
                // Forgotten meanwhile: nobody asks for its answer.
                if (!file(id, "json").exists()) return@synchronized
                save(next)
                file(id, "body").delete()
                if (!isYes(next)) hold(lane)
            }
            changed?.invoke()
        }
    }

    /** What waits in this lane is not sent any more. */
    fun giveUp(lane: String) = synchronized(lock) {
        all().filter { lane(it) == lane && it.getString("state") == "pending" }.minByOrNull { it.getLong("seq") }?.let { save(it.put("state", "failed")) }
        hold(lane)
    }

    private fun hold(lane: String) = all().filter { lane(it) == lane && it.getString("state") == "pending" }.forEach { save(it.put("state", "held")) }

    private fun exchange(one: JSONObject) {
        val connection = URL(one.getString("url")).openConnection() as HttpURLConnection
        try {
            connection.requestMethod = one.getString("method")
            connection.connectTimeout = SILENCE_MS
            connection.readTimeout = SILENCE_MS
            val headers = one.getJSONObject("requestHeaders")
            headers.keys().forEach { connection.setRequestProperty(it, headers.getString(it)) }
            val body = file(one.getString("id"), "body")
            if (body.length() > 0) {
                connection.doOutput = true
                connection.setFixedLengthStreamingMode(body.length())
                connection.outputStream.use { out -> body.inputStream().use { it.copyTo(out) } }
            }
            val status = connection.responseCode
            val text = (if (status < 400) connection.inputStream else connection.errorStream)?.use { it.readBytes() } ?: ByteArray(0)
            val told = JSONObject()
            connection.headerFields.forEach { (name, values) -> if (name != null) told.put(name.lowercase(), values.joinToString(", ")) }
            one.put("state", "answered").put("status", status).put("headers", told)
                .put("body", if (text.size <= ANSWER_BYTES_MAX) text.toString(Charsets.UTF_8) else "")
        } finally {
            connection.disconnect()
        }
    }

    private fun work(lane: String) {
        val request = OneTimeWorkRequest.Builder(LaneWorker::class.java)
            .setConstraints(Constraints.Builder().setRequiredNetworkType(NetworkType.CONNECTED).build())
            .setBackoffCriteria(BackoffPolicy.EXPONENTIAL, 30, TimeUnit.SECONDS)
            .setInputData(Data.Builder().putString("lane", lane).build())
            .build()
        WorkManager.getInstance(context).enqueueUniqueWork("pannier:$lane", ExistingWorkPolicy.APPEND_OR_REPLACE, request)
    }

    private fun lane(one: JSONObject) = one.getString("account") + "\n" + one.getString("lane")

    private fun file(id: String, kind: String) = File(folder, "$id.$kind")

    private fun save(one: JSONObject) = write(file(one.getString("id"), "json"), one.toString().toByteArray())

    /** Whole or not at all. */
    private fun write(file: File, bytes: ByteArray) {
        val fresh = File(file.path + ".new")
        fresh.outputStream().use { it.write(bytes); it.fd.sync() }
        if (!fresh.renameTo(file)) throw IOException("${file.name} could not be written")
    }

    companion object {
        private const val SILENCE_MS = 120_000
        private const val ANSWER_BYTES_MAX = 1 shl 20
        private val lock = Any()

        /** Called when something has ended while the app runs. */
        var changed: (() -> Unit)? = null

        /** Whether the core named this answer as one after which the next may go. */
        fun isYes(one: JSONObject): Boolean {
            val json = try { JSONObject("{\"it\":${one.getString("body")}}").get("it") } catch (_: JSONException) { null }
            return list(one.optJSONArray("yes")).any { yes ->
                val statuses = yes.getJSONArray("status")
                (0 until statuses.length()).any { statuses.getInt(it) == one.getInt("status") } && list(yes.optJSONArray("body")).all { said ->
                    val here = at(said.getString("at"), json)
                    here != null && here != JSONObject.NULL && (said.isNull("eq") || here == said.getString("eq"))
                }
            }
        }

        /** What stands at a JSON Pointer. */
        fun at(pointer: String, json: Any?): Any? = pointer.split("/").drop(1).fold(json) { here, part ->
            val name = part.replace("~1", "/").replace("~0", "~")
            when (here) {
                is JSONObject -> here.opt(name)
                is JSONArray -> name.toIntOrNull()?.let { here.opt(it) }
                else -> null
            }
        }

        private fun list(array: JSONArray?): List<JSONObject> = if (array == null) emptyList() else (0 until array.length()).map { array.getJSONObject(it) }
    }
}

/** One lane's turn; tried again by the system when a network is there. */
class LaneWorker(context: Context, parameters: WorkerParameters) : Worker(context, parameters) {
    override fun doWork(): Result {
        val lane = inputData.getString("lane") ?: return Result.success()
        val uploads = PannierUploads(applicationContext)
        if (uploads.send(lane)) return Result.success()
        if (runAttemptCount < TRIES_MAX) return Result.retry()
        uploads.giveUp(lane)
        return Result.success()
    }

    private companion object {
        /** With the system's growing pauses this is most of a day. */
        const val TRIES_MAX = 20
    }
}
