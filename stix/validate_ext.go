package stix

import "strings"

// The predefined extensions and nested types of observables (§6).

var fileExtensions = map[string]*spec{
	"archive-ext": {
		section:  "§6.7.2",
		required: []string{"contains_refs"},
		props: map[string]check{
			"contains_refs": refs("file", "directory"),
			"comment":       aString,
		},
	},
	"ntfs-ext": nonEmpty(&spec{
		section: "§6.7.3",
		props: map[string]check{
			"sid": aString,
			"alternate_data_streams": listOf(nested(&spec{
				section:  "§6.7.3",
				required: []string{"name"},
				props:    map[string]check{"name": aString, "hashes": hashes, "size": count},
			})),
		},
	}),
	"pdf-ext": nonEmpty(&spec{
		section: "§6.7.4",
		props: map[string]check{
			"version":            aString,
			"is_optimized":       aBoolean,
			"document_info_dict": dictionaryOf(aString),
			"pdfid0":             aString,
			"pdfid1":             aString,
		},
	}),
	"raster-image-ext": nonEmpty(&spec{
		section: "§6.7.5",
		props: map[string]check{
			"image_height":   integer,
			"image_width":    integer,
			"bits_per_pixel": integer,
			"exif_tags":      dictionaryOf(either(String, Number)),
		},
	}),
	"windows-pebinary-ext": {
		section:  "§6.7.6",
		required: []string{"pe_type"},
		props: map[string]check{
			"pe_type":                     aString,
			"imphash":                     aString,
			"machine_hex":                 hexadecimal,
			"number_of_sections":          count,
			"time_date_stamp":             timestamp,
			"pointer_to_symbol_table_hex": hexadecimal,
			"number_of_symbols":           count,
			"size_of_optional_header":     count,
			"characteristics_hex":         hexadecimal,
			"file_header_hashes":          hashes,
			"optional_header":             nested(peOptionalHeader),
			"sections": listOf(nested(&spec{
				section:  "§6.7.6",
				required: []string{"name"},
				props:    map[string]check{"name": aString, "size": count, "entropy": aFloat, "hashes": hashes},
			})),
		},
		rules: allOf(someOf("imphash", "machine_hex", "number_of_sections", "time_date_stamp",
			"pointer_to_symbol_table_hex", "number_of_symbols", "size_of_optional_header",
			"characteristics_hex", "file_header_hashes", "optional_header", "sections")),
	},
}

var peOptionalHeader = nonEmpty(&spec{
	section: "§6.7.6",
	props: map[string]check{
		"magic_hex":                  hexadecimal,
		"major_linker_version":       integer,
		"minor_linker_version":       integer,
		"size_of_code":               count,
		"size_of_initialized_data":   count,
		"size_of_uninitialized_data": count,
		"address_of_entry_point":     integer,
		"base_of_code":               integer,
		"base_of_data":               integer,
		"image_base":                 integer,
		"section_alignment":          integer,
		"file_alignment":             integer,
		"major_os_version":           integer,
		"minor_os_version":           integer,
		"major_image_version":        integer,
		"minor_image_version":        integer,
		"major_subsystem_version":    integer,
		"minor_subsystem_version":    integer,
		"win32_version_value_hex":    hexadecimal,
		"size_of_image":              count,
		"size_of_headers":            count,
		"checksum_hex":               hexadecimal,
		"subsystem_hex":              hexadecimal,
		"dll_characteristics_hex":    hexadecimal,
		"size_of_stack_reserve":      count,
		"size_of_stack_commit":       count,
		"size_of_heap_reserve":       count,
		"size_of_heap_commit":        count,
		"loader_flags_hex":           hexadecimal,
		"number_of_rva_and_sizes":    integer,
		"hashes":                     hashes,
	},
})

var mimePart = &spec{
	section: "§6.6.2",
	props: map[string]check{
		"body":                aString,
		"body_raw_ref":        ref("artifact", "file"),
		"content_type":        aString,
		"content_disposition": aString,
	},
	rules: allOf(someOf("body", "body_raw_ref")),
}

var trafficExtensions = map[string]*spec{
	"http-request-ext": {
		section:  "§6.12.2",
		required: []string{"request_method", "request_value"},
		props: map[string]check{
			"request_method":        aString,
			"request_value":         aString,
			"request_version":       aString,
			"request_header":        dictionaryOf(headerValues),
			"message_body_length":   integer,
			"message_body_data_ref": ref("artifact"),
		},
	},
	"icmp-ext": {
		section:  "§6.12.3",
		required: []string{"icmp_type_hex", "icmp_code_hex"},
		props:    map[string]check{"icmp_type_hex": hexadecimal, "icmp_code_hex": hexadecimal},
	},
	"socket-ext": {
		section:  "§6.12.4",
		required: []string{"address_family"},
		props: map[string]check{
			"address_family": oneOf("AF_UNSPEC", "AF_INET", "AF_IPX", "AF_APPLETALK", "AF_NETBIOS",
				"AF_INET6", "AF_IRDA", "AF_BTH"),
			"is_blocking":       aBoolean,
			"is_listening":      aBoolean,
			"options":           socketOptions,
			"socket_type":       oneOf("SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET"),
			"socket_descriptor": count,
			"socket_handle":     integer,
		},
	},
	"tcp-ext": nonEmpty(&spec{
		section: "§6.12.5",
		props:   map[string]check{"src_flags_hex": hexadecimal, "dst_flags_hex": hexadecimal},
	}),
}

// socketOptions takes options under the names the socket interface gives them.
func socketOptions(c *checker, v Value) {
	dictionaryOf(integer)(c, v)
	for name := range v.Members() {
		prefix, _, ok := strings.Cut(name, "_")
		switch prefix {
		case "SO", "ICMP", "ICMP6", "IP", "IPV6", "MCAST", "TCP", "IRLMP":
		default:
			ok = false
		}
		if !ok {
			c.failAt(name, "", "is not a socket option such as SO_KEEPALIVE")
		}
	}
}

var processExtensions = map[string]*spec{
	"windows-process-ext": nonEmpty(&spec{
		section: "§6.13.2",
		props: map[string]check{
			"aslr_enabled":    aBoolean,
			"dep_enabled":     aBoolean,
			"priority":        aString,
			"owner_sid":       aString,
			"window_title":    aString,
			"startup_info":    dictionaryOf(anything),
			"integrity_level": oneOf("low", "medium", "high", "system"),
		},
	}),
	"windows-service-ext": nonEmpty(&spec{
		section: "§6.13.3",
		props: map[string]check{
			"service_name": aString,
			"descriptions": texts,
			"display_name": aString,
			"group_name":   aString,
			"start_type": oneOf("SERVICE_AUTO_START", "SERVICE_BOOT_START", "SERVICE_DEMAND_START",
				"SERVICE_DISABLED", "SERVICE_SYSTEM_ALERT"),
			"service_dll_refs": refs("file"),
			"service_type": oneOf("SERVICE_KERNEL_DRIVER", "SERVICE_FILE_SYSTEM_DRIVER",
				"SERVICE_WIN32_OWN_PROCESS", "SERVICE_WIN32_SHARE_PROCESS"),
			"service_status": oneOf("SERVICE_CONTINUE_PENDING", "SERVICE_PAUSE_PENDING", "SERVICE_PAUSED",
				"SERVICE_RUNNING", "SERVICE_START_PENDING", "SERVICE_STOP_PENDING", "SERVICE_STOPPED"),
		},
	}),
}

var accountExtensions = map[string]*spec{
	"unix-account-ext": nonEmpty(&spec{
		section: "§6.16.2",
		props:   map[string]check{"gid": integer, "groups": texts, "home_dir": aString, "shell": aString},
	}),
}

var registryValue = nonEmpty(&spec{
	section: "§6.17.2",
	props: map[string]check{
		"name": aString,
		"data": aString,
		"data_type": oneOf("REG_NONE", "REG_SZ", "REG_EXPAND_SZ", "REG_BINARY", "REG_DWORD",
			"REG_DWORD_BIG_ENDIAN", "REG_DWORD_LITTLE_ENDIAN", "REG_LINK", "REG_MULTI_SZ",
			"REG_RESOURCE_LIST", "REG_FULL_RESOURCE_DESCRIPTION", "REG_RESOURCE_REQUIREMENTS_LIST",
			"REG_QWORD", "REG_INVALID_TYPE"),
	},
})

var x509v3 = nonEmpty(&spec{
	section: "§6.18.2",
	props: map[string]check{
		"basic_constraints":                   aString,
		"name_constraints":                    aString,
		"policy_constraints":                  aString,
		"key_usage":                           aString,
		"extended_key_usage":                  aString,
		"subject_key_identifier":              aString,
		"authority_key_identifier":            aString,
		"subject_alternative_name":            aString,
		"issuer_alternative_name":             aString,
		"subject_directory_attributes":        aString,
		"crl_distribution_points":             aString,
		"inhibit_any_policy":                  aString,
		"private_key_usage_period_not_before": timestamp,
		"private_key_usage_period_not_after":  timestamp,
		"certificate_policies":                aString,
		"policy_mappings":                     aString,
	},
})
