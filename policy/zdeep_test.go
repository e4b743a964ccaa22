package policy
import ("testing";"strings")
func TestDeep(t *testing.T){
 for _, unit := range [][2]string{{"(",")"},{"!",""},{"[","]"},{"-",""},{"if true then (",") else true"},{"{a:","}"}} {
 for _, n := range []int{1000,20000,250000} {
 f := folder(t)
 n = n/len(unit[0])
 text := `@id("new-guard") @title("t") @cite("c") @text("x") @fix("f") @who("w") forbid (principal, action, resource) when { `+strings.Repeat(unit[0],n)+"resource.own"+strings.Repeat(unit[1],n)+" };"
 f["guards.cedar"].Data = append(f["guards.cedar"].Data, text...)
 _, err := Load(f)
 s := "nil"; if err!=nil { s=err.Error(); if len(s)>100 {s=s[:100]} }
 t.Log(unit, n, s)
 }}
}
