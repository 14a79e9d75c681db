"""Asterisk modules Standpipe never uses.

They are kept from loading (start-up time, memory, attack surface) and may be deleted from a
private installation. Everything else is loaded automatically. Shell patterns, without `.so`.
"""

from __future__ import annotations

UNUSED_MODULES: tuple[str, ...] = (
    # other signalling protocols and hardware
    "chan_iax2", "chan_unistim", "chan_motif", "chan_console", "chan_mobile", "chan_alsa",
    "chan_oss", "chan_mgcp", "chan_skinny", "chan_sip", "chan_dahdi", "chan_audiosocket",
    "res_xmpp", "res_snmp", "res_smdi", "pbx_dundi", "res_timing_dahdi",
    "res_hep", "res_hep_pjsip", "res_hep_rtcp",
    # applications of no use to a water desk
    "res_adsi", "app_adsiprog", "app_getcpeid", "app_jack", "app_festival", "app_alarmreceiver",
    "app_sms", "app_sla", "app_followme", "app_voicemail", "app_voicemail_odbc",
    "app_voicemail_imap", "app_minivm", "app_agent_pool", "app_audiosocket", "app_directory",
    "app_dictate", "app_ices", "app_mp3", "app_zapateller", "app_confbridge", "app_amd",
    "app_flash", "app_meetme", "app_page", "res_audiosocket",
    # other configuration languages and back ends
    "pbx_ael", "pbx_lua", "pbx_realtime", "res_ael_share", "res_phoneprov", "res_realtime",
    "res_pjsip_phoneprov_provider", "res_pjsip_notify", "res_config_ldap", "res_config_pgsql",
    "res_config_odbc", "res_config_curl", "res_config_sqlite3", "res_odbc",
    "res_odbc_transaction", "func_odbc", "cdr_odbc", "cdr_adaptive_odbc", "cdr_pgsql",
    "cdr_radius", "cdr_tds", "cdr_sqlite3_custom", "cdr_syslog", "cel_odbc", "cel_pgsql",
    "cdr_custom", "cel_custom", "cel_radius", "cel_tds", "cel_sqlite3_custom", "cel_syslog",
    "res_calendar", "res_calendar_caldav", "res_calendar_ews", "res_calendar_exchange",
    "res_calendar_icalendar", "res_prometheus", "res_statsd", "res_chan_stats",
    "res_endpoint_stats", "res_geolocation", "res_pjsip_geolocation", "res_stir_shaken",
    "res_pjsip_stir_shaken", "res_resolver_unbound", "res_fax", "res_fax_spandsp",
    "res_stun_monitor", "res_http_media_cache", "res_aeap", "res_speech_aeap", "res_curl",
    "func_curl", "app_fax", "res_tonedetect",
    # codecs no phone of ours offers (codec_codec2 drags a 17 MB library along)
    "codec_codec2", "codec_lpc10", "codec_speex", "codec_g726", "format_ogg_speex",
    "format_ogg_vorbis", "format_vox",
)  # fmt: skip
