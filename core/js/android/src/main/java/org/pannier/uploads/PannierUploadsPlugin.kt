package org.pannier.uploads

import com.getcapacitor.JSArray
import com.getcapacitor.JSObject
import com.getcapacitor.Plugin
import com.getcapacitor.PluginCall
import com.getcapacitor.PluginMethod
import com.getcapacitor.annotation.CapacitorPlugin
import org.json.JSONObject

/** The bridge to [PannierUploads]; see core/js/src/capacitor/uploads.ts. */
@CapacitorPlugin(name = "PannierUploads")
class PannierUploadsPlugin : Plugin() {
    private lateinit var uploads: PannierUploads

    override fun load() {
        uploads = PannierUploads(context.applicationContext)
        PannierUploads.changed = { notifyListeners("changed", JSObject()) }
    }

    override fun handleOnDestroy() {
        PannierUploads.changed = null
    }

    @PluginMethod
    fun put(call: PluginCall) = answer(call) {
        uploads.put(call.getString("id")!!, call.getString("data")!!)
        null
    }

    @PluginMethod
    fun begin(call: PluginCall) = answer(call) {
        uploads.begin(call.getArray("uploads").toList<JSONObject>())
        null
    }

    @PluginMethod
    fun list(call: PluginCall) = answer(call) {
        val told = uploads.all().map { one -> TOLD.fold(JSObject()) { out, name -> if (one.has(name)) out.put(name, one.get(name)); out } }
        JSObject().put("uploads", JSArray(told))
    }

    @PluginMethod
    fun forget(call: PluginCall) = answer(call) {
        uploads.forget(call.getArray("ids").toList<String>().toSet())
        null
    }

    /** Android lets a page finish; there is nothing to end. */
    @PluginMethod
    fun rest(call: PluginCall) = call.resolve()

    private fun answer(call: PluginCall, work: () -> JSObject?) {
        try {
            call.resolve(work() ?: JSObject())
        } catch (error: Exception) {
            call.reject(error.message, error)
        }
    }

    private companion object {
        val TOLD = listOf("id", "account", "lane", "seq", "attempt", "state", "status", "headers", "body")
    }
}
